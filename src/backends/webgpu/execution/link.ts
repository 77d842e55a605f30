import { roundUp } from '../../../memory-plan.js';
import { type Call, touchedBy } from '../../../step.js';
import type { Tensor } from '../../../tensor.js';
import { KERNELS, usesScratch } from '../kernels/kernels.js';
import { encodeParameters, parameterBytes } from '../kernels/parameters.js';
import type { Plan } from '../kernels/passes.js';
import type { Dispatch } from './dispatches.js';
import { PARAMETERS_BINDING, type Pipelines, SCRATCH_BINDING } from './pipelines.js';
import { storedBytes } from './values.js';

/** Where buffers are and come from. */
export interface Buffers {
  bufferOf(tensor: Tensor): GPUBuffer;
  /** A new buffer for what passes of a call leave for each other, which the caller destroys. */
  createScratch(byteLength: number): GPUBuffer;
  /** A new buffer for sizes and attributes, likewise. */
  createParameters(bytes: ArrayBuffer): GPUBuffer;
}

/** Finds pipelines and bindings for calls, whose passes then run in order. */
export async function link(
  gpu: GPUDevice,
  pipelines: Pipelines,
  calls: readonly Call[],
  plans: readonly Plan[],
  buffers: Buffers,
): Promise<Dispatch[]> {
  const alignment = gpu.limits.minUniformBufferOffsetAlignment;
  const scratch = buffers.createScratch(Math.max(0, ...plans.map(({ scratch }) => scratch)));
  const parameters = buffers.createParameters(encodeParameters(calls, alignment));
  const dispatches = calls.map((call, i) => {
    const entries = bindTensors(call, buffers);
    if (usesScratch(call.op)) {
      const resource = { buffer: scratch, size: storedBytes(plans[i].scratch) };
      entries.push({ binding: SCRATCH_BINDING, resource });
    }
    const size = roundUp(Math.max(parameterBytes(call), 4), 16);
    const resource = { buffer: parameters, offset: i * alignment, size };
    entries.push({ binding: PARAMETERS_BINDING, resource });
    const layout = pipelines.layoutOf(call.op);
    const bindings = gpu.createBindGroup({ label: call.op, layout, entries });
    return dispatchesOf(call, plans[i], bindings, pipelines);
  });
  return (await Promise.all(dispatches)).flat();
}

function bindTensors(call: Call, { bufferOf }: Buffers): GPUBindGroupEntry[] {
  const { bindings } = KERNELS[call.op];
  return touchedBy(call).map((tensor, i) => ({
    binding: bindings?.[i] ?? i,
    resource: { buffer: bufferOf(tensor) },
  }));
}

/** A call's passes, which have the same bindings. */
function dispatchesOf(
  call: Call,
  { passes }: Plan,
  bindings: GPUBindGroup,
  pipelines: Pipelines,
): Promise<Dispatch[]> {
  return Promise.all(
    passes.map(async (pass) => {
      const [x, y = 1, z = 1] = pass.workgroups;
      const pipeline = await pipelines.pipelineOf(call.op, pass);
      return { pipeline, bindings, workgroups: [x, y, z] };
    }),
  );
}
