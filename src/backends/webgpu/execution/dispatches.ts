/** One dispatch of a compiled step. */
export interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/**
 * Encodes a step `times` times in a row. Pipelines and bind groups are set only when they change,
 * because each call into the encoder costs CPU time.
 */
export function encodeSteps(
  pass: GPUComputePassEncoder,
  dispatches: readonly Dispatch[],
  times: number,
): void {
  let current: GPUComputePipeline | undefined;
  let bound: GPUBindGroup | undefined;
  for (let i = 0; i < times; i++) {
    for (const { pipeline, bindings, workgroups } of dispatches) {
      if (pipeline !== current) pass.setPipeline(pipeline);
      if (bindings !== bound) pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
      current = pipeline;
      bound = bindings;
    }
  }
}

/** Submits a step `times` times in a row, in one compute pass of one command buffer. */
export function submitSteps(gpu: GPUDevice, dispatches: readonly Dispatch[], times: number): void {
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encodeSteps(pass, dispatches, times);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
}
