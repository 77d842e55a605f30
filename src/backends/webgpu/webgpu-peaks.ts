import { roundUp } from '../../memory-plan.js';
import type { Peaks } from '../runtime.js';
import { inTwoAxes } from './kernels/passes.js';
import { compileShader } from './shaders/compile-shader.js';
import { PARAMETERS_BINDING, PEAK_LOOPS, WORKGROUP } from './shaders/constants.js';
import { filesOf } from './shaders/shaders.js';

type Loop = 'multiplyAdds' | 'exponentials';

/** Operations of one turn, that is of one workgroup of shaders/peaks.wgsl. */
const OPERATIONS_PER_TURN: Readonly<Record<Loop, number>> = {
  // Eight chains of vec4f, with a multiplication and an addition per element.
  multiplyAdds: WORKGROUP * PEAK_LOOPS * 8 * 4 * 2,
  exponentials: WORKGROUP * PEAK_LOOPS * 4,
};
/** With these values the chains stay far from subnormal numbers. */
const FACTOR_AND_ADDEND: Readonly<Record<Loop, readonly [number, number]>> = {
  multiplyAdds: [0.999, 0.001],
  exponentials: [0.5, -1],
};

/** Peak rates of a GPU, measured with shaders/peaks.wgsl. Pipelines are created on first use. */
export class WebgpuPeaks implements Peaks {
  readonly #gpu: GPUDevice;
  readonly #pipelines = new Map<Loop, Promise<GPUComputePipeline>>();
  #module: Promise<GPUShaderModule> | undefined;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  multiplyAdds(turns: number): Promise<number> {
    return this.#run('multiplyAdds', turns);
  }

  exponentials(turns: number): Promise<number> {
    return this.#run('exponentials', turns);
  }

  async #run(loop: Loop, turns: number): Promise<number> {
    const gpu = this.#gpu;
    const pipeline = await this.#pipelineOf(loop);
    const { STORAGE, UNIFORM, COPY_DST } = GPUBufferUsage;
    const sums = gpu.createBuffer({ size: 4, usage: STORAGE });
    const parameters = gpu.createBuffer({ size: roundUp(12, 16), usage: UNIFORM | COPY_DST });
    gpu.queue.writeBuffer(parameters, 0, Uint32Array.of(turns));
    gpu.queue.writeBuffer(parameters, 4, Float32Array.from(FACTOR_AND_ADDEND[loop]));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [
      { binding: 0, resource: { buffer: sums } },
      { binding: PARAMETERS_BINDING, resource: { buffer: parameters } },
    ];
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    const [x, y] = inTwoAxes(turns);
    pass.dispatchWorkgroups(x, y);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    await gpu.queue.onSubmittedWorkDone();
    for (const buffer of [sums, parameters]) buffer.destroy();
    return turns * OPERATIONS_PER_TURN[loop];
  }

  #pipelineOf(loop: Loop): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(loop);
    if (!pipeline) {
      pipeline = this.#create(loop);
      this.#pipelines.set(loop, pipeline);
    }
    return pipeline;
  }

  async #create(loop: Loop): Promise<GPUComputePipeline> {
    this.#module ??= compileShader(this.#gpu, 'peaks', filesOf('peaks'));
    const compute = { module: await this.#module, entryPoint: loop };
    return this.#gpu.createComputePipelineAsync({ label: loop, layout: 'auto', compute });
  }
}
