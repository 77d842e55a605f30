import { BackendError } from '../../errors.js';
import type { OpName } from '../../ops/registry.js';
import { type Call, definitionOf, inputsOf, outputsOf, type Step } from '../../step.js';
import type { Tensor, Values } from '../../tensor.js';
import type { BackendInfo, Device, Executable } from '../device.js';
import { type Adapter, openAdapter } from './adapter.js';
import { planBuffers } from './buffer-plan.js';
import { compileShader } from './compile-shader.js';
import { KERNELS, type Kernel } from './kernels.js';
import type { WebgpuOptions } from './options.js';
import { SHADERS } from './shaders.js';

/** Where shaders expect a call's sizes and attributes. */
const PARAMETERS_BINDING = 8;

/** One kernel call of a compiled step. */
interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** Opens a GPU. */
export async function createWebgpuDevice(options: WebgpuOptions = {}): Promise<Device> {
  return new WebgpuDevice(await openAdapter(options));
}

/** Runs steps on an open GPU. */
export class WebgpuDevice implements Device {
  readonly info: BackendInfo;
  readonly #gpu: GPUDevice;
  readonly #adapter: Adapter;
  readonly #buffers = new Map<Tensor, GPUBuffer>();
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #pipelines = new Map<OpName, Promise<GPUComputePipeline>>();
  readonly #alignment: number;
  /** Why the device can no longer be used. */
  #failure: string | undefined;

  constructor(adapter: Adapter) {
    this.#adapter = adapter;
    this.#gpu = adapter.device;
    this.info = adapter.info;
    this.#alignment = this.#gpu.limits.minUniformBufferOffsetAlignment;
    this.#gpu.lost.then(({ reason, message }) => {
      this.#failure ??= `the device was lost (${reason}): ${message}`;
    });
    this.#gpu.onuncapturederror = ({ error }) => {
      this.#failure ??= error.message;
    };
  }

  async compile(step: Step): Promise<Executable> {
    this.#expectUsable();
    const { calls } = step;
    const plan = planBuffers(calls.map(touchedBy));
    const own: GPUBuffer[] = [];
    const close = () => {
      for (const buffer of own) buffer.destroy();
    };
    const created: Tensor[] = [];
    try {
      return await this.#checked('compile', async () => {
        for (const size of plan.sizes) own.push(this.#createBuffer('activations', size));
        const bufferOf = (tensor: Tensor) => {
          const slot = plan.buffers.get(tensor);
          if (slot !== undefined) return own[slot];
          if (!this.#buffers.has(tensor)) created.push(tensor);
          return this.#bufferOf(tensor);
        };
        const parameters = this.#writeParameters(calls);
        own.push(parameters);
        const dispatches = await Promise.all(
          calls.map((call, i) => this.#dispatchOf(call, i, parameters, bufferOf)),
        );
        return { run: (times: number) => this.#run(dispatches, times), close };
      });
    } catch (error) {
      // Nothing stays of a step that cannot run.
      close();
      this.release(created);
      throw error;
    }
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#expectUsable();
    expectRoom(tensor, values.length);
    const data = typedValues(tensor, values);
    this.#gpu.queue.writeBuffer(this.#bufferOf(tensor), 0, wholeWords(data));
  }

  async read(tensor: Tensor): Promise<Values> {
    this.#expectUsable();
    const buffer = this.#bufferOf(tensor);
    const staging = this.#gpu.createBuffer({
      size: buffer.size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    try {
      const encoder = this.#gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
      this.#gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      return valuesOf(tensor, staging.getMappedRange().slice(0));
    } catch (cause) {
      throw this.#error('read', cause);
    } finally {
      staging.destroy();
    }
  }

  release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) {
      this.#buffers.get(tensor)?.destroy();
      this.#buffers.delete(tensor);
    }
  }

  async close(): Promise<void> {
    this.#failure ??= 'the backend is closed';
    this.release([...this.#buffers.keys()]);
    await this.#adapter.close();
  }

  /** All steps in one command buffer, in one pass. */
  async #run(dispatches: readonly Dispatch[], times: number): Promise<void> {
    this.#expectUsable();
    const encoder = this.#gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < times; i++) {
      for (const { pipeline, bindings, workgroups } of dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindings);
        pass.dispatchWorkgroups(...workgroups);
      }
    }
    pass.end();
    this.#gpu.queue.submit([encoder.finish()]);
    try {
      await this.#gpu.queue.onSubmittedWorkDone();
    } catch (cause) {
      throw this.#error('run', cause);
    }
    this.#expectUsable();
  }

  async #dispatchOf(
    call: Call,
    position: number,
    parameters: GPUBuffer,
    bufferOf: (tensor: Tensor) => GPUBuffer,
  ): Promise<Dispatch> {
    const kernel = kernelOf(call.op);
    const pipeline = await this.#pipelineOf(call.op, kernel);
    const entries: GPUBindGroupEntry[] = touchedBy(call).map((tensor, binding) => ({
      binding,
      resource: { buffer: bufferOf(tensor) },
    }));
    const size = 4 * (call.sizes.length + Object.keys(call.attributes).length);
    if (size > 0) {
      const resource = {
        buffer: parameters,
        offset: position * this.#alignment,
        size: roundUp(size, 16),
      };
      entries.push({ binding: PARAMETERS_BINDING, resource });
    }
    const layout = pipeline.getBindGroupLayout(0);
    const [x, y = 1, z = 1] = kernel.workgroups(call.sizes, call.attributes);
    return {
      pipeline,
      bindings: this.#gpu.createBindGroup({ layout, entries }),
      workgroups: [x, y, z],
    };
  }

  #pipelineOf(op: OpName, { shader }: Kernel): Promise<GPUComputePipeline> {
    let pipeline = this.#pipelines.get(op);
    if (!pipeline) {
      let module = this.#modules.get(shader);
      module ??= compileShader(this.#gpu, shader, SHADERS[shader]);
      this.#modules.set(shader, module);
      pipeline = this.#createPipeline(op, module);
      this.#pipelines.set(op, pipeline);
    }
    return pipeline;
  }

  async #createPipeline(op: OpName, module: Promise<GPUShaderModule>): Promise<GPUComputePipeline> {
    const compute = { module: await module, entryPoint: op };
    return this.#gpu.createComputePipelineAsync({ label: op, layout: 'auto', compute });
  }

  /** Sizes as u32, then attributes as f32 or u32, of each call at an offset of its own. */
  #writeParameters(calls: readonly Call[]): GPUBuffer {
    const bytes = new ArrayBuffer(Math.max(1, calls.length) * this.#alignment);
    const view = new DataView(bytes);
    calls.forEach(({ op, sizes, attributes }, i) => {
      let at = i * this.#alignment;
      for (const size of sizes) {
        view.setUint32(at, size, true);
        at += 4;
      }
      const { integers = [] } = kernelOf(op);
      for (const name of definitionOf(op).attributes) {
        if (integers.includes(name)) view.setUint32(at, attributes[name], true);
        else view.setFloat32(at, attributes[name], true);
        at += 4;
      }
    });
    const buffer = this.#gpu.createBuffer({
      label: 'sizes and attributes',
      size: bytes.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#gpu.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  }

  #bufferOf(tensor: Tensor): GPUBuffer {
    let buffer = this.#buffers.get(tensor);
    if (!buffer) {
      buffer = this.#createBuffer(tensor.name, tensor.byteLength);
      this.#buffers.set(tensor, buffer);
    }
    return buffer;
  }

  /** @throws BackendError when the device offers no buffer of that size */
  #createBuffer(label: string, byteLength: number): GPUBuffer {
    const size = roundUp(Math.max(byteLength, 4), 4);
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#gpu.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (size > most) {
      throw new BackendError(
        `webgpu: expected ${label} to take at most ${most} bytes, what this adapter offers in a buffer, got ${size}; use a smaller batch or dataset`,
      );
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.#gpu.createBuffer({ label, size, usage });
  }

  /** Runs `build`, and throws what the GPU has to say against it. */
  async #checked<Result>(what: string, build: () => Promise<Result>): Promise<Result> {
    const gpu = this.#gpu;
    gpu.pushErrorScope('out-of-memory');
    gpu.pushErrorScope('validation');
    let result: Result | undefined;
    let thrown: unknown;
    try {
      result = await build();
    } catch (error) {
      thrown = error;
    }
    const errors = [await gpu.popErrorScope(), await gpu.popErrorScope()];
    const error = thrown ?? errors.find((found) => found !== null);
    if (error) throw this.#error(what, error);
    // What a lost device is asked succeeds.
    this.#expectUsable();
    return result as Result;
  }

  #error(what: string, cause: unknown): BackendError {
    if (cause instanceof BackendError) return cause;
    if (this.#failure !== undefined) {
      return new BackendError(`webgpu: ${this.#failure}`, { cause });
    }
    const reason = (cause as Error).message;
    return new BackendError(`webgpu: expected to ${what}, got: ${reason}`, { cause });
  }

  #expectUsable(): void {
    if (this.#failure !== undefined) throw new BackendError(`webgpu: ${this.#failure}`);
  }
}

function touchedBy(call: Call): Tensor[] {
  return [...outputsOf(call), ...inputsOf(call)];
}

function kernelOf(op: OpName): Kernel {
  const kernel = KERNELS[op];
  if (!kernel) throw new BackendError(`webgpu: expected a kernel of ${op}, got none`);
  return kernel;
}

/**
 * @throws RangeError for more values than there is room for
 * @throws BackendError for some of a tensor's bytes that are no whole words: those alone can be
 *   written
 */
function expectRoom({ name, dtype, size }: Tensor, count: number): void {
  if (count > size) {
    throw new RangeError(`webgpu: expected at most ${size} values of ${name}, got ${count}`);
  }
  if (dtype === 'uint8' && count < size && count % 4 !== 0) {
    throw new BackendError(
      `webgpu: expected all ${size} bytes of ${name}, or a multiple of 4, got ${count}`,
    );
  }
}

/** The values' bytes, and zeros up to a multiple of 4. */
function wholeWords(data: Exclude<Values, Float64Array>): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(roundUp(bytes.length, 4));
  padded.set(bytes);
  return padded;
}

function typedValues({ dtype }: Tensor, values: ArrayLike<number>) {
  switch (dtype) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'int32':
      return values instanceof Int32Array ? values : Int32Array.from(values);
    case 'uint8':
      return values instanceof Uint8Array ? values : Uint8Array.from(values);
    default:
      return dtype satisfies never;
  }
}

function valuesOf({ dtype, size }: Tensor, bytes: ArrayBuffer): Values {
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes, 0, size);
    case 'int32':
      return new Int32Array(bytes, 0, size);
    case 'uint8':
      return new Uint8Array(bytes, 0, size);
    default:
      return dtype satisfies never;
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
