import { BackendError } from '../../errors.js';
import type { OpName } from '../../ops/registry.js';
import { definitionOf } from '../../step.js';
import { compileShader } from './compile-shader.js';
import { KERNELS, usesScratch } from './kernels.js';
import type { Pass } from './passes.js';
import { type ShaderVariants, shadersOf } from './shaders.js';

/** Where shaders expect what the passes of a call leave for each other. */
export const SCRATCH_BINDING = 7;
/** Where shaders expect a call's sizes and attributes. */
export const PARAMETERS_BINDING = 8;

/** Compiled shaders, each made when it is first asked for, and kept. */
export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #shaders: ReturnType<typeof shadersOf>;
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #layouts = new Map<OpName, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(gpu: GPUDevice, variants: ShaderVariants) {
    this.#gpu = gpu;
    this.#shaders = shadersOf(variants);
  }

  /** Bindings of all passes of an op, whether or not each of them uses all. */
  layoutOf(op: OpName): GPUBindGroupLayout {
    let layout = this.#layouts.get(op);
    if (!layout) {
      const { outputs, updates, inputs } = definitionOf(op);
      const written = [...outputs, ...updates];
      const { bindings } = KERNELS[op];
      const placeOf = (i: number) => bindings?.[i] ?? i;
      const entry = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => {
        return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
      };
      const entries = [
        ...written.map((_, i) => entry(placeOf(i), 'storage')),
        ...inputs.map((_, i) => entry(placeOf(written.length + i), 'read-only-storage')),
        entry(PARAMETERS_BINDING, 'uniform'),
      ];
      if (usesScratch(op)) entries.push(entry(SCRATCH_BINDING, 'storage'));
      layout = this.#gpu.createBindGroupLayout({ label: op, entries });
      this.#layouts.set(op, layout);
    }
    return layout;
  }

  /** @throws BackendError when the shader does not compile, or the device cannot run the pass */
  pipelineOf(op: OpName, pass: Pass): Promise<GPUComputePipeline> {
    const key = JSON.stringify([op, pass.entryPoint, pass.constants, pass.shader]);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#create(op, pass);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #create(op: OpName, pass: Pass): Promise<GPUComputePipeline> {
    const { entryPoint, constants = {}, shader = KERNELS[op].shader } = pass;
    const layout = this.#gpu.createPipelineLayout({ bindGroupLayouts: [this.layoutOf(op)] });
    const module = await this.#moduleOf(shader);
    const compute = { module, entryPoint, constants };
    try {
      return await this.#gpu.createComputePipelineAsync({ label: op, layout, compute });
    } catch (cause) {
      throw new BackendError(
        `webgpu: expected ${entryPoint} of shaders/${shader}.wgsl to run on this adapter, got: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  #moduleOf(shader: string): Promise<GPUShaderModule> {
    let module = this.#modules.get(shader);
    if (!module) {
      module = compileShader(this.#gpu, shader, this.#shaders[shader]);
      this.#modules.set(shader, module);
    }
    return module;
  }
}
