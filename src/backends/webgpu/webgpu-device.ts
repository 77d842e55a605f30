import { BackendError } from '../../errors.js';
import { type Call, type Step, touchedBy } from '../../step.js';
import type { Tensor, Values } from '../../tensor.js';
import type { BackendInfo, Device, Executable, Roofs } from '../device.js';
import type { Adapter } from './adapter/adapter.js';
import type { WebgpuOptions } from './adapter/options.js';
import { planBuffers } from './execution/buffer-plan.js';
import { type Dispatch, encodeSteps, submitSteps } from './execution/dispatches.js';
import { link } from './execution/link.js';
import { Memory } from './execution/memory.js';
import { PassTimer } from './execution/pass-timer.js';
import { Pipelines } from './execution/pipelines.js';
import { Staging } from './execution/staging.js';
import { expectRoom, typedValues, valuesOf, wholeWords } from './execution/values.js';
import { measureCuts } from './gemm/autotune.js';
import { SMALL_TILES, TILES } from './gemm/gemm.js';
import type { MeasuredCuts } from './gemm/tiling-cache.js';
import { Cuts } from './gemm/tilings.js';
import { planOf } from './kernels/kernels.js';
import { createParameters } from './kernels/parameters.js';
import { WebgpuRoofs } from './peaks.js';

/** Runs steps on an open GPU. */
export class WebgpuDevice implements Device {
  readonly info: BackendInfo;
  readonly runsAhead = true;
  readonly roofs: Roofs;
  readonly #gpu: GPUDevice;
  readonly #adapter: Adapter;
  readonly #memory: Memory;
  readonly #buffers = new Map<Tensor, GPUBuffer>();
  readonly #pipelines: Pipelines;
  readonly #cuts: Cuts;
  readonly #measured: MeasuredCuts | undefined;
  readonly #staging: Staging;
  #timer: PassTimer | undefined;
  /** When the latest run is over. */
  #latest: Promise<unknown> = Promise.resolve();
  /** Why the device can no longer be used. */
  #failure: string | undefined;

  /** @param measured where cuts of products are kept, if they are to be measured */
  constructor(adapter: Adapter, options: WebgpuOptions = {}, measured?: MeasuredCuts) {
    const { subgroups = false, precision } = options;
    this.#adapter = adapter;
    this.#gpu = adapter.device;
    const notes = [...adapter.info.notes, ...settingsOf(options)];
    this.info = { ...adapter.info, notes };
    this.#memory = new Memory(this.#gpu);
    this.#pipelines = new Pipelines(this.#gpu, { subgroups, halves: precision === 'f16' });
    this.#measured = measured;
    this.#cuts = new Cuts(adapter.isSoftware ? SMALL_TILES : TILES, measured?.cuts);
    this.#staging = new Staging(this.#gpu);
    this.roofs = new WebgpuRoofs(this.#gpu);
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
    const keep = (buffer: GPUBuffer) => {
      own.push(buffer);
      return buffer;
    };
    const close = () => {
      for (const buffer of own) buffer.destroy();
    };
    const created: Tensor[] = [];
    try {
      return await this.#checked('compile', async () => {
        for (const size of shared.sizes) keep(this.#memory.create('activations', size));
        const bufferOf = (tensor: Tensor) => {
          const slot = shared.buffers.get(tensor);
          if (slot !== undefined) return own[slot];
          if (!this.#buffers.has(tensor)) created.push(tensor);
          return this.#bufferOf(tensor);
        };
        await this.#measure(calls);
        const plans = calls.map(({ op, sizes, attributes }) =>
          planOf(op, sizes, attributes, this.#cuts),
        );
        const dispatches = await link(this.#gpu, this.#pipelines, calls, plans, {
          bufferOf,
          createScratch: (byteLength) => keep(this.#memory.create('scratch', byteLength)),
          createParameters: (bytes) => keep(createParameters(this.#gpu, bytes)),
        });
        await this.#memory.expectRoom([...own, ...calls.flatMap(touchedBy).map(bufferOf)]);
        return this.#executable(dispatches, close);
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
    const buffer = this.#bufferOf(tensor);
    this.#memory.use(buffer, () => this.#gpu.queue.writeBuffer(buffer, 0, wholeWords(data)));
  }

  async read(tensor: Tensor): Promise<Values> {
    this.#expectUsable();
    const buffer = this.#bufferOf(tensor);
    // At once: what is asked next must not change it.
    const bytes = this.#memory.use(buffer, () => this.#staging.read(buffer));
    bytes.catch(() => {});
    try {
      await this.#memory.expectRoom([buffer]);
      return valuesOf(tensor, await bytes);
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

  /**
   * All steps in one command buffer, in one pass. Resolves when the run before is over, so that two
   * are under way at most: enough for the GPU to go on at once with the next.
   */
  async #run(dispatches: readonly Dispatch[], times: number): Promise<void> {
    this.#expectUsable();
    submitSteps(this.#gpu, dispatches, times);
    const before = this.#latest;
    // Why it failed, if it did, is the device's failure.
    this.#latest = before.then(() => this.#gpu.queue.onSubmittedWorkDone()).catch(() => {});
    await before;
    this.#expectUsable();
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

  /** Finds the best cuts of products that are new, if that is asked for. */
  async #measure(calls: readonly Call[]): Promise<void> {
    const measured = this.#measured;
    if (!measured) return;
    const isNew = await measureCuts(this.#gpu, this.#pipelines, this.#cuts, calls);
    if (isNew) await measured.save();
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

/** What options changed, a sentence each. */
function settingsOf({ subgroups, tiles, precision, dawnToggles = [] }: WebgpuOptions): string[] {
  return [
    ...(subgroups ? ['Sums take subgroups.'] : []),
    ...(tiles === 'measured' ? ['Products take the tiles that were measured.'] : []),
    ...(precision === 'f16' ? ['Products are of 16-bit numbers.'] : []),
    ...(dawnToggles.length > 0 ? [`Dawn has its toggles ${dawnToggles.join(', ')} on.`] : []),
  ];
}
