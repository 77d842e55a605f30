/**
 * The launch path of a call, such as conv2dForward, when a step is compiled:
 *
 *   1. kernels/kernels.ts      KERNELS[op] names the shader and derives its plan from the call's sizes:
 *                              for conv2d, the shape of an implicit GEMM (gemm/convolution.ts)
 *   2. gemm/tilings.ts         chooses the tiling of a GEMM: measured (gemm/autotune.ts), or estimated
 *   3. gemm/gemm.ts            planGemm: the passes, each an entry point with workgroups, `override`
 *      kernels/reductions.ts   constants and variants; other kernels: perElement, reductions
 *   4. kernels/parameters.ts   encodes the parameter block: sizes, then attributes
 *   5. execution/pipelines.ts  compiles each pass: the shader, what it requires (shaders/shaders.ts) and
 *                              its constants; pipelines are cached
 *   6. this file               binds tensors, scratch memory and parameters, and returns dispatches
 *
 * When the step runs, execution/dispatches.ts encodes the dispatches of all its calls into one compute
 * pass per submission. webgpu-runtime.ts drives both.
 */

import { type Call, touchedBy } from '../../../call.js';
import { roundUp } from '../../../memory-plan.js';
import type { Tensor } from '../../../tensor.js';
import { bindingOf, usesScratch } from '../kernels/kernels.js';
import { encodeParameters, parameterBytes } from '../kernels/parameters.js';
import type { Plan } from '../kernels/passes.js';
import { PARAMETERS_BINDING, SCRATCH_BINDING } from '../shaders/constants.js';
import type { Dispatch } from './dispatches.js';
import type { Pipelines } from './pipelines.js';
import { storedBytes } from './values.js';

/** The buffers that calls use. */
export interface Buffers {
  bufferOf(tensor: Tensor): GPUBuffer;
  /** Creates scratch memory, shared by all calls; the caller destroys it. */
  createScratch(byteLength: number): GPUBuffer;
  /** Creates a buffer of parameter blocks; the caller destroys it. */
  createParameters(bytes: ArrayBuffer): GPUBuffer;
}

/**
 * Links calls with pipelines and buffers.
 *
 * @param plans the plan of each call
 * @returns the dispatches of all calls, in order
 */
export async function link(
  gpu: GPUDevice,
  pipelines: Pipelines,
  calls: readonly Call[],
  plans: readonly Plan[],
  buffers: Buffers,
): Promise<Dispatch[]> {
  const alignment = gpu.limits.minUniformBufferOffsetAlignment;
  const scratch = buffers.createScratch(Math.max(0, ...plans.map((plan) => plan.scratchBytes)));
  const parameters = buffers.createParameters(encodeParameters(calls, alignment));
  const dispatches = calls.map((call, i) => {
    const entries = bindTensors(call, buffers);
    if (usesScratch(call.op)) {
      // Shaders derive the number of splits from the size of this binding.
      const resource = { buffer: scratch, size: storedBytes(plans[i].scratchBytes) };
      entries.push({ binding: SCRATCH_BINDING, resource });
    }
    const size = roundUp(Math.max(parameterBytes(call), 4), 16);
    const resource = { buffer: parameters, offset: i * alignment, size };
    entries.push({ binding: PARAMETERS_BINDING, resource });
    const layout = pipelines.layoutOf(call.definition);
    const bindings = gpu.createBindGroup({ label: call.op, layout, entries });
    return dispatchesOf(call, plans[i], bindings, pipelines);
  });
  return (await Promise.all(dispatches)).flat();
}

function bindTensors(call: Call, { bufferOf }: Buffers): GPUBindGroupEntry[] {
  return touchedBy(call).map((tensor, i) => ({
    binding: bindingOf(call.op, i),
    resource: { buffer: bufferOf(tensor) },
  }));
}

/** A dispatch for each pass of a call. All passes share the bind group. */
function dispatchesOf(
  call: Call,
  { passes }: Plan,
  bindings: GPUBindGroup,
  pipelines: Pipelines,
): Promise<Dispatch[]> {
  return Promise.all(
    passes.map(async (pass) => {
      const [x, y = 1, z = 1] = pass.workgroups;
      const pipeline = await pipelines.pipelineOf(call.definition, pass);
      return { pipeline, bindings, workgroups: [x, y, z] };
    }),
  );
}
