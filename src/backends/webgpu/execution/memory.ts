import { BackendError } from '../../../errors.js';
import { storedBytes } from './values.js';

/** Whether there was room for a buffer. */
interface Allocation {
  state: 'asked' | 'made' | 'failed';
  /** Settles when the GPU has said so; rejects if there was none. */
  readonly settled: Promise<void>;
}

/**
 * Buffers for tensors. The GPU says only later whether there was room for one, and calls whatever is
 * done with one that it did not make a mistake.
 */
export class Memory {
  readonly #gpu: GPUDevice;
  readonly #allocations = new WeakMap<GPUBuffer, Allocation>();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** @throws BackendError when the device offers no buffer of that size */
  create(label: string, byteLength: number): GPUBuffer {
    const size = storedBytes(byteLength);
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#gpu.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (size > most) {
      throw new BackendError(
        `webgpu: expected ${label} to take at most ${most} bytes, what this adapter offers in a buffer, got ${size}; use a smaller batch or dataset`,
      );
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#gpu.pushErrorScope('out-of-memory');
    const buffer = this.#gpu.createBuffer({ label, size, usage });
    const answer = this.#gpu.popErrorScope();
    this.#watch(buffer, answer, (cause) => shortage(label, size, cause));
    return buffer;
  }

  /**
   * Asks something of a buffer, of which it need not be known that it was made. If it was not, that is
   * what `expectRoom` says; no one else need hear of it.
   */
  use<Result>(buffer: GPUBuffer, ask: () => Result): Result {
    if (this.#allocations.get(buffer)?.state === 'made') return ask();
    this.#gpu.pushErrorScope('validation');
    try {
      return ask();
    } finally {
      this.#gpu.popErrorScope().catch(() => {});
    }
  }

  /** Whether it is known that there was no room for the buffer. */
  hasFailed(buffer: GPUBuffer): boolean {
    return this.#allocations.get(buffer)?.state === 'failed';
  }

  /** @throws BackendError when there was no room for one of the buffers */
  async expectRoom(buffers: Iterable<GPUBuffer>): Promise<void> {
    for (const buffer of buffers) await this.#allocations.get(buffer)?.settled;
  }

  #watch(
    buffer: GPUBuffer,
    answer: Promise<GPUError | null>,
    failure: (cause: GPUError) => BackendError,
  ): void {
    // A lost device has no answer: whoever uses it hears why.
    const settled = answer
      .catch(() => null)
      .then((error) => {
        allocation.state = error ? 'failed' : 'made';
        if (error) throw failure(error);
      });
    const allocation: Allocation = { state: 'asked', settled };
    settled.catch(() => {});
    this.#allocations.set(buffer, allocation);
  }
}

function shortage(label: string, size: number, cause: GPUError): BackendError {
  return new BackendError(
    `webgpu: expected ${size} bytes of GPU memory for ${label}, got: ${firstLine(cause.message)}; use a smaller batch or dataset, or close what else uses the GPU`,
    { cause },
  );
}

/** Dawn tells on further lines where in its own code it was. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0];
}
