import { expect, it } from 'vitest';
import { type Dispatch, encodeSteps } from '../../../src/backends/webgpu/execution/dispatches.js';

/** A compute pass that records its calls. */
function recorder() {
  const log: string[] = [];
  const pass = {
    setPipeline: (pipeline: string) => log.push(pipeline),
    setBindGroup: (_: number, bindings: string) => log.push(bindings),
    dispatchWorkgroups: (...workgroups: number[]) => log.push(workgroups.join('×')),
  };
  return { log, pass: pass as unknown as GPUComputePassEncoder };
}

function dispatch(pipeline: string, bindings: string): Dispatch {
  return { pipeline, bindings, workgroups: [2, 3, 4] } as unknown as Dispatch;
}

it('sets only the pipeline and bind group that differ from the previous dispatch', () => {
  const { log, pass } = recorder();
  const dispatches = [dispatch('P', 'a'), dispatch('Q', 'a'), dispatch('Q', 'b')];
  encodeSteps(pass, dispatches, 1);
  expect(log.join(' ')).toBe('P a 2×3×4 Q 2×3×4 b 2×3×4');
});

it('sets them again where a step repeats', () => {
  const { log, pass } = recorder();
  encodeSteps(pass, [dispatch('P', 'a'), dispatch('P', 'b')], 2);
  expect(log.join(' ')).toBe('P a 2×3×4 b 2×3×4 a 2×3×4 b 2×3×4');
});
