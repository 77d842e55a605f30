import { OPS } from '../../src/ops/registry.js';
import { Step } from '../../src/step.js';
import type { Tensor } from '../../src/tensor.js';

/** A step for result ← max(x, 0), through `times` activations, which need memory. */
export function reluStep(x: Tensor, result: Tensor, times = 1): Step {
  const step = new Step();
  let y = x;
  for (let i = 0; i < times; i++) {
    const name = `y${i}`;
    ({ [name]: y } = step.call(OPS.reluForward, { x: y }, { as: { y: name } }));
  }
  step.call(OPS.reluForward, { x: y }, { into: { y: result } });
  return step;
}
