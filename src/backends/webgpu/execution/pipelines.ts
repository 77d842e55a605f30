import { BackendError, reasonOf } from '../../../errors.js';
import type { Op } from '../../../ops/define-op.js';
import type { OpName } from '../../../ops/registry.js';
import { bindingOf, KERNELS, usesScratch } from '../kernels/kernels.js';
import type { Pass } from '../kernels/passes.js';
import { compileShader } from '../shaders/compile-shader.js';
import { PARAMETERS_BINDING, SCRATCH_BINDING } from '../shaders/constants.js';
import { filesOf, type Variant } from '../shaders/shaders.js';

/** Compute pipelines, bind group layouts and shader modules: created on first use, then cached. */
export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #variants: readonly Variant[];
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #layouts = new Map<OpName, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  /** @param variants files that replace others in every shader */
  constructor(gpu: GPUDevice, variants: readonly Variant[] = []) {
    this.#gpu = gpu;
    this.#variants = variants;
  }

  /** The layout that all passes of an op share, even if a pass does not use every binding. */
  layoutOf({ name, outputs, updates, inputs }: Op): GPUBindGroupLayout {
    const op = name as OpName;
    let layout = this.#layouts.get(op);
    if (!layout) {
      const written = [...outputs, ...updates];
      const entry = (binding: number, type: GPUBufferBindingType): GPUBindGroupLayoutEntry => {
        return { binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } };
      };
      const entries = [
        ...written.map((_, i) => entry(bindingOf(op, i), 'storage')),
        ...inputs.map((_, i) => entry(bindingOf(op, written.length + i), 'read-only-storage')),
        entry(PARAMETERS_BINDING, 'uniform'),
      ];
      if (usesScratch(op)) entries.push(entry(SCRATCH_BINDING, 'storage'));
      layout = this.#gpu.createBindGroupLayout({ label: op, entries });
      this.#layouts.set(op, layout);
    }
    return layout;
  }

  /** @throws BackendError when the shader does not compile, or the device cannot run the pass */
  pipelineOf(op: Op, pass: Pass): Promise<GPUComputePipeline> {
    const key = JSON.stringify([op.name, pass.entryPoint, pass.constants, pass.variants]);
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) {
      pipeline = this.#create(op, pass);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #create(op: Op, pass: Pass): Promise<GPUComputePipeline> {
    const { entryPoint, constants = {}, variants } = pass;
    const { shader } = KERNELS[op.name as OpName];
    const layout = this.#gpu.createPipelineLayout({ bindGroupLayouts: [this.layoutOf(op)] });
    const module = await this.#moduleOf(shader, variants);
    const compute = { module, entryPoint, constants };
    try {
      return await this.#gpu.createComputePipelineAsync({ label: op.name, layout, compute });
    } catch (cause) {
      throw new BackendError(
        `webgpu: expected ${entryPoint} of shaders/${shader}.wgsl to run on this adapter, got: ${reasonOf(cause)}`,
        { cause },
      );
    }
  }

  #moduleOf(shader: string, variants: readonly Variant[] = []): Promise<GPUShaderModule> {
    const key = [shader, ...variants].join(', ');
    let module = this.#modules.get(key);
    if (!module) {
      module = compileShader(this.#gpu, key, filesOf(shader, [...this.#variants, ...variants]));
      this.#modules.set(key, module);
    }
    return module;
  }
}
