import { BackendError } from '../../errors.js';
import type { Call, Step } from '../../step.js';
import type { Tensor, Values } from '../../tensor.js';
import type { BackendInfo, Device, Executable } from '../device.js';
import { type Adapter, openAdapter } from './adapter.js';
import { planBuffers } from './buffer-plan.js';
import { type MeasuredCuts, openCuts } from './cut-file.js';
import { Cuts } from './cuts.js';
import { planOf } from './kernels.js';
import { type Dispatch, encode, link, touchedBy } from './link.js';
import { measureCuts } from './measure-cuts.js';
import { Memory } from './memory.js';
import type { WebgpuOptions } from './options.js';
import { Pipelines } from './pipelines.js';
import { SMALL_TILES, TILES } from './products.js';
import { Staging } from './staging.js';
import { expectRoom, typedValues, valuesOf, wholeWords } from './values.js';

/**
 * Opens a GPU.
 *
 * @throws BackendError when there is none, or none that has what options ask for
 */
export async function createWebgpuDevice(options: WebgpuOptions = {}): Promise<Device> {
  return openDevice(await openAdapter(options), options);
}

/**
 * Opens a GPU that is one, as `auto` wants it.
 *
 * @throws BackendError when there is none, or only software that stands in for one
 */
export async function createHardwareDevice(options: WebgpuOptions = {}): Promise<Device> {
  const adapter = await openAdapter(options);
  if (!adapter.isSoftware) return openDevice(adapter, options);
  await adapter.close();
  throw new BackendError(`webgpu: ${adapter.info.build} computes on the CPU: not considered`);
}

async function openDevice(adapter: Adapter, options: WebgpuOptions): Promise<Device> {
  const { subgroups, precision, tiles } = options;
  try {
    if (subgroups) expectFeature(adapter, 'subgroups', 'the option subgroups');
    if (precision === 'f16') expectFeature(adapter, 'shader-f16', 'the precision f16');
    const { build } = adapter.info;
    const measured = tiles === 'measured' ? await openCuts(build, precision) : undefined;
    return new WebgpuDevice(adapter, options, measured);
  } catch (error) {
    await adapter.close();
    throw error;
  }
}

function expectFeature({ device, info }: Adapter, feature: GPUFeatureName, option: string): void {
  if (device.features.has(feature)) return;
  throw new BackendError(
    `webgpu: expected an adapter with ${feature}, got ${info.build} without; leave ${option} out`,
  );
}

/** Runs steps on an open GPU. */
export class WebgpuDevice implements Device {
  readonly info: BackendInfo;
  readonly runsAhead = true;
  readonly #gpu: GPUDevice;
  readonly #adapter: Adapter;
  readonly #memory: Memory;
  readonly #buffers = new Map<Tensor, GPUBuffer>();
  readonly #pipelines: Pipelines;
  readonly #cuts: Cuts;
  readonly #measured: MeasuredCuts | undefined;
  readonly #staging: Staging;
  /** When the latest run is over. */
  #latest: Promise<unknown> = Promise.resolve();
  /** Why the device can no longer be used. */
  #failure: string | undefined;

  /** @param measured where cuts of products are kept, if they are to be measured */
  constructor(adapter: Adapter, options: WebgpuOptions = {}, measured?: MeasuredCuts) {
    const { subgroups = false, precision } = options;
    this.#adapter = adapter;
    this.#gpu = adapter.device;
    this.info = adapter.info;
    this.#memory = new Memory(this.#gpu);
    this.#pipelines = new Pipelines(this.#gpu, { subgroups, halves: precision === 'f16' });
    this.#measured = measured;
    this.#cuts = new Cuts(adapter.isSoftware ? SMALL_TILES : TILES, measured?.cuts);
    this.#staging = new Staging(this.#gpu);
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
    const own: GPUBuffer[] = [];
    const close = () => {
      for (const buffer of own) buffer.destroy();
    };
    const created: Tensor[] = [];
    try {
      return await this.#checked('compile', async () => {
        for (const size of shared.sizes) own.push(this.#memory.create('activations', size));
        const bufferOf = (tensor: Tensor) => {
          const slot = shared.buffers.get(tensor);
          if (slot !== undefined) return own[slot];
          if (!this.#buffers.has(tensor)) created.push(tensor);
          return this.#bufferOf(tensor);
        };
        await this.#measure(calls);
        const plans = calls.map(({ op, sizes, attributes }) =>
          planOf(op, sizes, attributes, (product) => this.#cuts.cutOf(product)),
        );
        const dispatches = await link(this.#gpu, this.#pipelines, calls, plans, {
          bufferOf,
          createScratch: (byteLength) => {
            own.push(this.#memory.create('scratch', byteLength));
            return own[own.length - 1];
          },
          createParameters: (bytes) => {
            own.push(this.#createParameters(bytes));
            return own[own.length - 1];
          },
        });
        await this.#memory.expectRoom([...own, ...calls.flatMap(touchedBy).map(bufferOf)]);
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
    // What there was no room for is tried again.
    const known = this.#buffers.get(tensor);
    if (known && this.#memory.hasFailed(known)) this.release([tensor]);
    this.#memory.write(this.#bufferOf(tensor), wholeWords(data));
  }

  async read(tensor: Tensor): Promise<Values> {
    this.#expectUsable();
    const buffer = this.#bufferOf(tensor);
    // Without waiting, if that can be: what is submitted next must not be read.
    if (!this.#memory.isMade(buffer)) await this.#memory.expectRoom([buffer]);
    try {
      return valuesOf(tensor, await this.#staging.read(buffer));
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
    encode(encoder, dispatches, times);
    this.#gpu.queue.submit([encoder.finish()]);
    const before = this.#latest;
    // Why it failed, if it did, is the device's failure.
    this.#latest = this.#gpu.queue.onSubmittedWorkDone().catch(() => {});
    await before;
    this.#expectUsable();
  }

  /** Finds the best cuts of products that are new, if that is asked for. */
  async #measure(calls: readonly Call[]): Promise<void> {
    const measured = this.#measured;
    if (!measured) return;
    const isNew = await measureCuts(this.#gpu, this.#pipelines, this.#cuts, calls);
    if (isNew) await measured.save();
  }

  #createParameters(bytes: ArrayBuffer): GPUBuffer {
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
      buffer = this.#memory.create(tensor.name, tensor.byteLength);
      this.#buffers.set(tensor, buffer);
    }
    return buffer;
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
    if (this.#failure !== undefined) {
      return new BackendError(`webgpu: ${this.#failure}`, { cause });
    }
    if (cause instanceof BackendError) return cause;
    const reason = (cause as Error).message;
    return new BackendError(`webgpu: expected to ${what}, got: ${reason}`, { cause });
  }

  #expectUsable(): void {
    if (this.#failure !== undefined) throw new BackendError(`webgpu: ${this.#failure}`);
  }
}
