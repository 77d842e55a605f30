import { type Call, touchedBy } from '../../call.js';
import { BackendError, reasonOf } from '../../errors.js';
import type { Step } from '../../step.js';
import type { Tensor, Values } from '../../tensor.js';
import type { BackendInfo, Executable, Peaks, Runtime } from '../runtime.js';
import type { Adapter } from './adapter/adapter.js';
import type { WebgpuOptions } from './adapter/options.js';
import { planBuffers } from './execution/buffer-plan.js';
import { type Dispatch, encodeSteps, submitSteps } from './execution/dispatches.js';
import { link } from './execution/link.js';
import { Memory } from './execution/memory.js';
import { PassTimer } from './execution/pass-timer.js';
import { Pipelines } from './execution/pipelines.js';
import { Staging } from './execution/staging.js';
import { expectCount, typedValues, valuesOf, wholeWords } from './execution/values.js';
import { Waits } from './execution/waits.js';
import { autotune } from './gemm/autotune.js';
import { SMALL_TILES, TILES } from './gemm/gemm.js';
import type { TilingCache } from './gemm/tiling-cache.js';
import { Tilings } from './gemm/tilings.js';
import { planOf } from './kernels/kernels.js';
import { createParameters } from './kernels/parameters.js';
import type { Variant } from './shaders/shaders.js';
import { WebgpuPeaks } from './webgpu-peaks.js';

/** Most runs in flight: several callers share one wait, and none fills the GPU's queue for long. */
const MOST_RUNNING = 8;

/** Compiles and runs steps on a GPU. execution/link.ts describes the path from an op to its dispatches. */
export class WebgpuRuntime implements Runtime {
  readonly info: BackendInfo;
  readonly runsAhead = true;
  readonly peaks: Peaks;
  readonly #gpu: GPUDevice;
  readonly #adapter: Adapter;
  readonly #memory: Memory;
  readonly #buffers = new Map<Tensor, GPUBuffer>();
  readonly #pipelines: Pipelines;
  readonly #tilings: Tilings;
  /** Where autotuned tilings are kept; without it, tilings are estimated. */
  readonly #cache: TilingCache | undefined;
  readonly #staging: Staging;
  #timer: PassTimer | undefined;
  readonly #waits: Waits;
  /** Resolve when the latest runs have completed on the GPU. */
  #running: Promise<unknown>[] = [];
  #wait: number | undefined;
  /** Why the device can no longer be used, once it cannot. */
  #failure: string | undefined;

  /** @param cache turns autotuning on, and keeps the tilings that it finds */
  constructor(adapter: Adapter, options: WebgpuOptions = {}, cache?: TilingCache) {
    this.#adapter = adapter;
    this.#gpu = adapter.device;
    const notes = [...adapter.info.notes, ...settingsOf(options)];
    this.info = { ...adapter.info, notes };
    this.#memory = new Memory(this.#gpu);
    this.#pipelines = new Pipelines(this.#gpu, variantsOf(options));
    this.#cache = cache;
    this.#tilings = new Tilings(adapter.isSoftware ? SMALL_TILES : TILES, cache?.tilings);
    this.#waits = new Waits(this.#gpu.queue);
    this.#staging = new Staging(this.#gpu, this.#waits);
    this.peaks = new WebgpuPeaks(this.#gpu);
    this.#gpu.lost.then(({ reason, message }) => {
      this.#failure ??= `the device was lost (${reason}): ${message}`;
    });
    this.#gpu.onuncapturederror = ({ error }) => {
      this.#failure ??= error.message;
    };
  }

  get wait(): number {
    return this.#wait ?? 0;
  }

  async compile(step: Step): Promise<Executable> {
    this.#expectUsable();
    this.#wait ??= await this.#measureWait();
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
        await this.#autotune(calls);
        const plans = calls.map(({ op, sizes, attributes }) =>
          planOf(op, sizes, attributes, this.#tilings),
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
      // A step that cannot run keeps no memory.
      close();
      this.release(created);
      throw error;
    }
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#expectUsable();
    expectCount(tensor, values.length);
    const data = typedValues(tensor, values);
    // Retry an allocation that failed.
    const known = this.#buffers.get(tensor);
    if (known && this.#memory.hasFailed(known)) this.release([tensor]);
    const buffer = this.#bufferOf(tensor);
    this.#memory.use(buffer, () => this.#gpu.queue.writeBuffer(buffer, 0, wholeWords(data)));
  }

  async read(tensor: Tensor): Promise<Values> {
    this.#expectUsable();
    const buffer = this.#bufferOf(tensor);
    // Submitted before the first await, so that later requests cannot change the values.
    const bytes = this.#memory.use(buffer, () => this.#staging.read(buffer));
    // Awaited below; this avoids an unhandled rejection if expectRoom throws first.
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
      await Promise.all([this.#waits.submittedWorkDone(), this.#staging.latest]);
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

  /** Submits all steps in one command buffer. Resolves when few enough runs are in flight. */
  async #run(dispatches: readonly Dispatch[], times: number): Promise<void> {
    this.#expectUsable();
    submitSteps(this.#gpu, dispatches, times);
    // A rejection is ignored: #failure has the reason.
    this.#running.push(this.#waits.submittedWorkDone().catch(() => {}));
    await (this.#running.length > MOST_RUNNING ? this.#running.shift() : undefined);
    this.#expectUsable();
  }

  /** Milliseconds until an idle device reports that it is. */
  async #measureWait(): Promise<number> {
    await this.finish();
    const began = performance.now();
    await this.finish();
    return performance.now() - began;
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

  async #autotune(calls: readonly Call[]): Promise<void> {
    if (!this.#cache) return;
    const hasNew = await autotune(this.#gpu, this.#pipelines, this.#tilings, calls);
    if (hasNew) await this.#cache.save();
  }

  #bufferOf(tensor: Tensor): GPUBuffer {
    let buffer = this.#buffers.get(tensor);
    if (!buffer) {
      buffer = this.#memory.create(tensor.name, tensor.byteLength);
      this.#buffers.set(tensor, buffer);
    }
    return buffer;
  }

  /** Runs `build`, and throws the first error that it or the device reports. */
  async #checked<Result>(operation: string, build: () => Promise<Result>): Promise<Result> {
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
    if (error) throw this.#error(operation, error);
    // Calls on a lost device resolve without an error.
    this.#expectUsable();
    return result as Result;
  }

  #error(operation: string, cause: unknown): BackendError {
    if (this.#failure !== undefined) {
      return new BackendError(`webgpu: ${this.#failure}`, { cause });
    }
    if (cause instanceof BackendError) return cause;
    return new BackendError(`webgpu: expected to ${operation}, got: ${reasonOf(cause)}`, { cause });
  }

  #expectUsable(): void {
    if (this.#failure !== undefined) throw new BackendError(`webgpu: ${this.#failure}`);
  }
}

/** Files that replace others in every shader. */
function variantsOf({ subgroups, precision }: WebgpuOptions): Variant[] {
  return [
    ...(subgroups ? ['subgroup-reduction' as const] : []),
    ...(precision === 'f16' ? ['f16' as const] : []),
  ];
}

/** A note for each option that differs from its default. */
function settingsOf({ subgroups, tiles, precision, dawnToggles = [] }: WebgpuOptions): string[] {
  return [
    ...(subgroups ? ['Reductions use subgroups.'] : []),
    ...(tiles === 'measured' ? ['Matrix products use autotuned tilings.'] : []),
    ...(precision === 'f16' ? ['Matrix products use 16-bit floats.'] : []),
    ...(dawnToggles.length > 0 ? [`Dawn toggles on: ${dawnToggles.join(', ')}.`] : []),
  ];
}
