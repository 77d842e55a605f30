import { BackendError } from '../../errors.js';
import { roundUp } from '../../memory-plan.js';
import { type Call, inputsOf, outputsOf, type Step } from '../../step.js';
import type { Tensor, Values } from '../../tensor.js';
import type { BackendInfo, Device, Executable, Roofs } from '../device.js';
import { type Adapter, openAdapter } from './adapter.js';
import { planBuffers } from './buffer-plan.js';
import { type Dispatch, encodeSteps } from './dispatches.js';
import { KERNELS, planOf, usesScratch } from './kernels.js';
import type { WebgpuOptions } from './options.js';
import { encodeParameters, parameterBytes } from './parameters.js';
import { PassTimer } from './pass-timer.js';
import type { Plan } from './passes.js';
import { PARAMETERS_BINDING, Pipelines, SCRATCH_BINDING } from './pipelines.js';
import { WebgpuRoofs } from './roofs.js';
import { expectRoom, storedBytes, typedValues, valuesOf, wholeWords } from './values.js';

/** Where a call finds its tensors, and what else it needs. */
interface Buffers {
  bufferOf(tensor: Tensor): GPUBuffer;
  readonly scratch: GPUBuffer;
  readonly parameters: GPUBuffer;
  /** Where in `parameters` those of the call begin. */
  readonly offset: number;
}

/** Opens a GPU. */
export async function createWebgpuDevice(options: WebgpuOptions = {}): Promise<Device> {
  return new WebgpuDevice(await openAdapter(options));
}

/** Runs steps on an open GPU. */
export class WebgpuDevice implements Device {
  readonly info: BackendInfo;
  readonly roofs: Roofs;
  readonly #gpu: GPUDevice;
  readonly #adapter: Adapter;
  readonly #buffers = new Map<Tensor, GPUBuffer>();
  readonly #pipelines: Pipelines;
  readonly #alignment: number;
  #timer: PassTimer | undefined;
  /** Why the device can no longer be used. */
  #failure: string | undefined;

  constructor(adapter: Adapter) {
    this.#adapter = adapter;
    this.#gpu = adapter.device;
    this.info = adapter.info;
    this.#pipelines = new Pipelines(this.#gpu);
    this.roofs = new WebgpuRoofs(this.#gpu);
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
    const shared = planBuffers(calls.map(touchedBy));
    const plans = calls.map(({ op, sizes, attributes }) => planOf(op, sizes, attributes));
    const own: GPUBuffer[] = [];
    const close = () => {
      for (const buffer of own) buffer.destroy();
    };
    const created: Tensor[] = [];
    try {
      return await this.#checked('compile', async () => {
        for (const size of shared.sizes) own.push(this.#createBuffer('activations', size));
        const bufferOf = (tensor: Tensor) => {
          const slot = shared.buffers.get(tensor);
          if (slot !== undefined) return own[slot];
          if (!this.#buffers.has(tensor)) created.push(tensor);
          return this.#bufferOf(tensor);
        };
        const scratchBytes = Math.max(0, ...plans.map(({ scratch }) => scratch));
        const scratch = this.#createBuffer('scratch', scratchBytes);
        const parameters = this.#createParameters(calls);
        own.push(scratch, parameters);
        const dispatches = await Promise.all(
          calls.map((call, i) => {
            const offset = i * this.#alignment;
            return this.#dispatchesOf(call, plans[i], { bufferOf, scratch, parameters, offset });
          }),
        );
        return this.#executable(dispatches.flat(), close);
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

  async finish(): Promise<void> {
    try {
      await this.#gpu.queue.onSubmittedWorkDone();
    } catch (cause) {
      throw this.#error('run', cause);
    }
    this.#expectUsable();
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
    this.#timer?.close();
    await this.#adapter.close();
  }

  #executable(dispatches: readonly Dispatch[], close: () => void): Executable {
    return {
      kernels: dispatches.length,
      run: (times) => this.#run(dispatches, times),
      ...(this.#gpu.features.has('timestamp-query') && {
        kernelMilliseconds: (times: number) => this.#time(dispatches, times),
      }),
      close,
    };
  }

  /** All steps in one command buffer, in one pass. */
  async #run(dispatches: readonly Dispatch[], times: number): Promise<void> {
    this.#expectUsable();
    const encoder = this.#gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encodeSteps(pass, dispatches, times);
    pass.end();
    this.#gpu.queue.submit([encoder.finish()]);
    await this.finish();
  }

  async #time(dispatches: readonly Dispatch[], times: number): Promise<number> {
    this.#expectUsable();
    this.#timer ??= new PassTimer(this.#gpu);
    try {
      return await this.#timer.time((pass) => encodeSteps(pass, dispatches, times));
    } catch (cause) {
      throw this.#error('time kernels', cause);
    }
  }

  #dispatchesOf(call: Call, { passes, scratch }: Plan, buffers: Buffers): Promise<Dispatch[]> {
    const bindings = this.#bind(call, scratch, buffers);
    return Promise.all(
      passes.map(async (pass) => {
        const [x, y = 1, z = 1] = pass.workgroups;
        const pipeline = await this.#pipelines.pipelineOf(call.op, pass);
        return { pipeline, bindings, workgroups: [x, y, z] };
      }),
    );
  }

  /** What all passes of a call are given. */
  #bind(call: Call, scratchBytes: number, buffers: Buffers): GPUBindGroup {
    const { bufferOf, scratch, parameters, offset } = buffers;
    const { bindings } = KERNELS[call.op];
    const entries: GPUBindGroupEntry[] = touchedBy(call).map((tensor, i) => ({
      binding: bindings?.[i] ?? i,
      resource: { buffer: bufferOf(tensor) },
    }));
    if (usesScratch(call.op)) {
      const resource = { buffer: scratch, size: storedBytes(scratchBytes) };
      entries.push({ binding: SCRATCH_BINDING, resource });
    }
    const size = roundUp(Math.max(parameterBytes(call), 4), 16);
    entries.push({ binding: PARAMETERS_BINDING, resource: { buffer: parameters, offset, size } });
    const layout = this.#pipelines.layoutOf(call.op);
    return this.#gpu.createBindGroup({ label: call.op, layout, entries });
  }

  #createParameters(calls: readonly Call[]): GPUBuffer {
    const bytes = encodeParameters(calls, this.#alignment);
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
    const size = storedBytes(byteLength);
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
