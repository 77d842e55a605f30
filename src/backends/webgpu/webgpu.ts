import { BackendError } from '../../errors.js';
import { roundUp } from '../../memory-plan.js';
import { type Call, inputsOf, outputsOf, type Step } from '../../step.js';
import type { Tensor, Values } from '../../tensor.js';
import type { BackendInfo, Device, Executable } from '../device.js';
import { type Adapter, openAdapter } from './adapter.js';
import { planBuffers } from './buffer-plan.js';
import { KERNELS, planOf, usesScratch } from './kernels.js';
import type { WebgpuOptions } from './options.js';
import { encodeParameters, parameterBytes } from './parameters.js';
import type { Plan } from './passes.js';
import { PARAMETERS_BINDING, Pipelines, SCRATCH_BINDING } from './pipelines.js';
import { Staging } from './staging.js';
import { expectRoom, storedBytes, typedValues, valuesOf, wholeWords } from './values.js';

/** One pass of a compiled step. */
interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

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

/**
 * Opens a GPU that is one, as `auto` wants it.
 *
 * @throws BackendError when there is none, or only software that stands in for one
 */
export async function createHardwareDevice(options: WebgpuOptions = {}): Promise<Device> {
  const adapter = await openAdapter(options);
  if (!adapter.isSoftware) return new WebgpuDevice(adapter);
  await adapter.close();
  throw new BackendError(`webgpu: ${adapter.info.build} computes on the CPU: not considered`);
}

/** Runs steps on an open GPU. */
export class WebgpuDevice implements Device {
  readonly info: BackendInfo;
  readonly runsAhead = true;
  readonly #gpu: GPUDevice;
  readonly #adapter: Adapter;
  readonly #buffers = new Map<Tensor, GPUBuffer>();
  readonly #pipelines: Pipelines;
  readonly #staging: Staging;
  readonly #alignment: number;
  /** When the latest run is over. */
  #latest: Promise<unknown> = Promise.resolve();
  /** Why the device can no longer be used. */
  #failure: string | undefined;

  constructor(adapter: Adapter) {
    this.#adapter = adapter;
    this.#gpu = adapter.device;
    this.info = adapter.info;
    this.#pipelines = new Pipelines(this.#gpu);
    this.#staging = new Staging(this.#gpu);
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
        const inOrder = dispatches.flat();
        return { run: (times: number) => this.#run(inOrder, times), close };
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
    try {
      return valuesOf(tensor, await this.#staging.read(this.#bufferOf(tensor)));
    } catch (cause) {
      throw this.#error('read', cause);
    }
  }

  release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) {
      this.#buffers.get(tensor)?.destroy();
      this.#buffers.delete(tensor);
    }
  }

  async finish(): Promise<void> {
    this.#expectUsable();
    try {
      await Promise.all([this.#gpu.queue.onSubmittedWorkDone(), this.#staging.latest]);
    } catch (cause) {
      throw this.#error('finish', cause);
    }
    this.#expectUsable();
  }

  async close(): Promise<void> {
    this.#failure ??= 'the backend is closed';
    this.#staging.close();
    this.release([...this.#buffers.keys()]);
    await this.#adapter.close();
  }

  /**
   * All steps in one command buffer, in one pass. Resolves when the run before is over, so that two
   * are under way at most: enough for the GPU to go on at once with the next.
   */
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
    const before = this.#latest;
    // Why it failed, if it did, is the device's failure.
    this.#latest = this.#gpu.queue.onSubmittedWorkDone().catch(() => {});
    await before;
    this.#expectUsable();
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
