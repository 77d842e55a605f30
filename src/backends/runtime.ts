import type { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';

/** The backends; `auto` resolves to one of them. */
export type BackendName = 'reference' | 'wasm' | 'webgpu';

/** A backend's configuration on this machine. `handgrad info` prints it. */
export interface BackendInfo {
  /** The backend that currently computes. */
  readonly backend: BackendName;
  /**
   * Build of the kernels: `float64` or `float32` (reference), `simd` or `relaxed` (wasm), the
   * adapter (webgpu).
   */
  readonly build: string;
  /** Threads that run kernels on the CPU. */
  readonly threads: number;
  /**
   * wasm in Node: whether V8's flag for combining pairs of 128-bit vectors into 256-bit ones is on.
   */
  readonly revectorize?: boolean;
  /** Reasons for anything missing, and the decision of `auto` with its times; one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Loops that run at the peak rates of this backend, the limits of the roofline model. `turns` scales
 * their length: iterations on the CPU, workgroups on a GPU.
 */
export interface Peaks {
  /** Runs independent multiply-adds; returns the number of floating-point operations. */
  multiplyAdds(turns: number): number | Promise<number>;
  /** Runs independent exponentials; returns their number. */
  exponentials(turns: number): number | Promise<number>;
}

/** A step compiled for one backend. */
export interface Executable {
  /**
   * Runs the step `times` times in sequence. Resolves when the runs are done. On a runtime that runs
   * ahead it resolves when they are queued before any later request; errors surface there.
   */
  run(times: number): Promise<void>;
  /**
   * Runs as `run` does, on the calling thread alone, even after another thread failed. It serves to
   * repeat steps from restored values. Absent where a failure leaves nothing to run on.
   */
  runAlone?(times: number): Promise<void>;
  /** Kernel launches per step; only on a GPU, where each costs CPU time. */
  readonly kernels?: number;
  /**
   * Runs as `run` does, and returns the kernels' time in milliseconds by the device's own clock.
   * The clock may be rounded to 0.1 ms, so choose `times` large enough. Absent without such a clock.
   */
  kernelMilliseconds?(times: number): Promise<number>;
  /** Releases the step's own memory. Persistent tensors stay: see `Runtime.release`. */
  close(): void;
}

/**
 * The interface that every backend implements: it stores tensors and runs steps over them.
 *
 * Memory for a persistent tensor is allocated, and set to zero, when the tensor is first compiled,
 * written or read. Requests are executed one at a time, in order.
 */
export interface Runtime {
  readonly info: BackendInfo;
  /** Whether `run` resolves before the steps are done, so that the caller can submit more. */
  readonly runsAhead?: boolean;
  /**
   * By how many milliseconds promises may resolve late: a browser may look only now and then whether the
   * GPU has finished. 0 before it is measured, absent where promises resolve at once.
   */
  readonly wait?: number;
  /** Plans memory and links kernels, once per step. */
  compile(step: Step): Promise<Executable>;
  /** Replaces a persistent tensor's first values: at most `tensor.size` elements. */
  write(tensor: Tensor, values: ArrayLike<number>): void;
  /** Copies a persistent tensor's values after all earlier requests. */
  read(tensor: Tensor): Promise<Values>;
  /** Resolves when all earlier requests are done. Await it before reading a clock. */
  finish(): Promise<void>;
  /** Releases the memory of persistent tensors; their values are lost. */
  release(tensors: Iterable<Tensor>): void;
  /** Peak rates that benchmarks compare with, where the backend can measure them. */
  readonly peaks?: Peaks;
  /** Releases everything. Later requests fail with a BackendError. */
  close(): Promise<void>;
}
