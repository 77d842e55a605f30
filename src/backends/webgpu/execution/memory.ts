import { BackendError } from '../../../errors.js';
import { storedBytes } from './values.js';

/** The state of a buffer's allocation. */
interface Allocation {
  state: 'pending' | 'succeeded' | 'failed';
  /** Resolves when the device has reported the outcome; rejects if the allocation failed. */
  readonly settled: Promise<void>;
}

/**
 * Buffers for tensors. Allocation failure is reported asynchronously; using the failed buffer is a
 * validation error.
 */
export class Memory {
  readonly #gpu: GPUDevice;
  readonly #allocations = new WeakMap<GPUBuffer, Allocation>();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** @throws BackendError when the size exceeds the device's limits */
  create(label: string, byteLength: number): GPUBuffer {
    const size = storedBytes(byteLength);
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#gpu.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (size > most) {
      throw new BackendError(
        `webgpu: expected ${label} to take at most ${most} bytes, the adapter's limit for a buffer, got ${size}; use a smaller batch or dataset`,
      );
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#gpu.pushErrorScope('out-of-memory');
    const buffer = this.#gpu.createBuffer({ label, size, usage });
    const outcome = this.#gpu.popErrorScope();
    this.#watch(buffer, outcome, (cause) => outOfMemory(label, size, cause));
    return buffer;
  }

  /**
   * Runs an operation on a buffer whose allocation may still fail. Validation errors of a failed
   * buffer are suppressed: `expectRoom` reports the failure.
   */
  use<Result>(buffer: GPUBuffer, operation: () => Result): Result {
    if (this.#allocations.get(buffer)?.state === 'succeeded') return operation();
    this.#gpu.pushErrorScope('validation');
    try {
      return operation();
    } finally {
      this.#gpu.popErrorScope().catch(() => {});
    }
  }

  /** Whether the buffer's allocation is known to have failed. */
  hasFailed(buffer: GPUBuffer): boolean {
    return this.#allocations.get(buffer)?.state === 'failed';
  }

  /** @throws BackendError when the allocation of one of the buffers failed */
  async expectRoom(buffers: Iterable<GPUBuffer>): Promise<void> {
    for (const buffer of buffers) await this.#allocations.get(buffer)?.settled;
  }

  #watch(
    buffer: GPUBuffer,
    outcome: Promise<GPUError | null>,
    failure: (cause: GPUError) => BackendError,
  ): void {
    // On a lost device the scope rejects. The next operation reports the loss.
    const settled = outcome
      .catch(() => null)
      .then((error) => {
        allocation.state = error ? 'failed' : 'succeeded';
        if (error) throw failure(error);
      });
    const allocation: Allocation = { state: 'pending', settled };
    // Awaited in expectRoom; this avoids an unhandled rejection.
    settled.catch(() => {});
    this.#allocations.set(buffer, allocation);
  }
}

function outOfMemory(label: string, size: number, cause: GPUError): BackendError {
  return new BackendError(
    `webgpu: expected ${size} bytes of GPU memory for ${label}, got: ${firstLine(cause.message)}; use a smaller batch or dataset, or close other programs that use the GPU`,
    { cause },
  );
}

/** Dawn's messages continue with a trace of Dawn's code. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0];
}
