import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';

export type BackendName = 'reference' | 'wasm' | 'webgpu';

/** What a backend found on this machine, for people and for `handgrad info`. */
export interface BackendInfo {
  readonly backend: BackendName;
  /** How the kernels were built: `float64`, `simd`, `relaxed`, … */
  readonly build: string;
  readonly threads: number;
  /** wasm: whether V8 was told to make 256-bit vectors of pairs of 128-bit ones. */
  readonly revectorize?: boolean;
  /** Why something is missing, and what `auto` decided, with its figures; a sentence each. */
  readonly notes: readonly string[];
}

/** Loops that run at the peak rate of this backend: the roofs of the roofline model. */
export interface Peaks {
  /** Runs independent multiply-adds; returns how many floating-point operations that were. */
  multiplyAdds(turns: number): number | Promise<number>;
  /** Runs independent exponentials; returns how many. */
  exponentials(turns: number): number | Promise<number>;
}

/** A step compiled for one backend. */
export interface Executable {
  /**
   * Runs the whole step `times` times, one after the other. Resolves when they are done, or where
   * the device runs ahead, when they are sure to be done before whatever is asked next; what went
   * wrong with them is then said of that.
   */
  run(times: number): Promise<void>;
  /** Kernels that the step starts, each of which costs CPU time; of a GPU only. */
  readonly kernels?: number;
  /**
   * Runs as `run` does, and returns what the kernels took by the device's own clock. The clock may
   * be rounded to 0.1 ms, so ask for enough times. Only of a device that has such a clock.
   */
  kernelMilliseconds?(times: number): Promise<number>;
  /** Gives the step's own memory back. Persistent tensors stay: see `Device.release`. */
  close(): void;
}

/**
 * What every backend implements: a place for tensors, and a way to run steps over them.
 *
 * Persistent tensors get their memory, set to zero, when they are first compiled, written or read.
 * Steps run one at a time, in the order in which they were asked to.
 */
export interface Device {
  readonly info: BackendInfo;
  /** Whether `run` leaves the steps to the device, so that the caller may prepare more meanwhile. */
  readonly runsAhead?: boolean;
  /** Plans memory and links kernels, once per step. */
  compile(step: Step): Promise<Executable>;
  /** Replaces the first of a persistent tensor's values, or all: at most `tensor.size` elements. */
  write(tensor: Tensor, values: ArrayLike<number>): void;
  /** A copy of a persistent tensor's values, as all that was asked before leaves them. */
  read(tensor: Tensor): Promise<Values>;
  /** Resolves when all that was asked for is done: what times a device waits for this. */
  finish(): Promise<void>;
  /** Gives the memory of persistent tensors back; their values are lost. */
  release(tensors: Iterable<Tensor>): void;
  /** Peak rates that benchmarks compare with, where the backend can measure them. */
  readonly peaks?: Peaks;
  /** Gives everything back. Whatever is asked afterwards fails with a BackendError. */
  close(): Promise<void>;
}
