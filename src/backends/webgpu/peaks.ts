import { roundUp } from '../../memory-plan.js';
import type { Roofs } from '../device.js';
import { inTwoAxes, WORKGROUP } from './kernels/passes.js';
import { compileShader } from './shaders/compile-shader.js';
import { shadersOf } from './shaders/shaders.js';

type Loop = 'multiplyAdds' | 'exponentials';

/** As shaders/roofs.wgsl has it. */
const LOOPS = 32;
const WORK_PER_TURN: Readonly<Record<Loop, number>> = {
  // Eight chains of four numbers, a product and a sum for each.
  multiplyAdds: WORKGROUP * LOOPS * 8 * 4 * 2,
  exponentials: WORKGROUP * LOOPS * 4,
};
/** With these the chains stay far from denormal numbers. */
const FACTOR_AND_SUMMAND: Readonly<Record<Loop, readonly [number, number]>> = {
  multiplyAdds: [0.999, 0.001],
  exponentials: [0.5, -1],
};

/** shaders/roofs.wgsl, compiled when it is first run. A turn is the work of one workgroup. */
export class WebgpuRoofs implements Roofs {
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
    gpu.queue.writeBuffer(parameters, 4, Float32Array.from(FACTOR_AND_SUMMAND[loop]));
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [sums, parameters].map((buffer, binding) => ({
      binding,
      resource: { buffer },
    }));
    pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    const [x, y] = inTwoAxes(turns);
    pass.dispatchWorkgroups(x, y);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
    await gpu.queue.onSubmittedWorkDone();
    for (const buffer of [sums, parameters]) buffer.destroy();
    return turns * WORK_PER_TURN[loop];
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
    this.#module ??= compileShader(this.#gpu, 'roofs', shadersOf({}).roofs);
    const compute = { module: await this.#module, entryPoint: loop };
    return this.#gpu.createComputePipelineAsync({ label: loop, layout: 'auto', compute });
  }
}
