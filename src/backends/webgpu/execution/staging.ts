import type { Waits } from './waits.js';

/** The smallest staging buffer, in bytes. */
const SMALLEST = 256;
/** The largest buffer that is kept for reuse, in bytes. For larger ones, creation costs little next to the copy. */
const LARGEST_KEPT = 2 ** 20;
/** Most buffers of one size that are kept for reuse. */
const KEPT_PER_SIZE = 4;

/**
 * Reads GPU buffers through staging buffers, which can be mapped into JavaScript's memory. The sizes of
 * staging buffers are powers of two, so that few of them serve all reads.
 */
export class Staging {
  readonly #gpu: GPUDevice;
  readonly #waits: Waits;
  /** Idle staging buffers by size. */
  readonly #free = new Map<number, GPUBuffer[]>();
  #latest: Promise<void> = Promise.resolve();

  constructor(gpu: GPUDevice, waits: Waits) {
    this.#gpu = gpu;
    this.#waits = waits;
  }

  /**
   * Returns a copy of a buffer. The copy is submitted before this method returns its promise, so it has
   * the results of all earlier submissions and of no later ones.
   */
  read(source: GPUBuffer): Promise<ArrayBuffer> {
    const bytes = this.#copy(source);
    this.#latest = bytes.then(
      () => {},
      () => {},
    );
    return bytes;
  }

  /** Resolves when the latest read, and so every earlier one, has completed. */
  get latest(): Promise<void> {
    return this.#latest;
  }

  close(): void {
    for (const buffer of [...this.#free.values()].flat()) buffer.destroy();
    this.#free.clear();
  }

  async #copy(source: GPUBuffer): Promise<ArrayBuffer> {
    const { size } = source;
    // Only this read should see a failed allocation of its staging buffer.
    this.#gpu.pushErrorScope('out-of-memory');
    this.#gpu.pushErrorScope('validation');
    const staging = this.#take(size);
    const encoder = this.#gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, size);
    this.#gpu.queue.submit([encoder.finish()]);
    const mapping = this.#waits.until(staging.mapAsync(GPUMapMode.READ, 0, size));
    const checks = Promise.all([this.#gpu.popErrorScope(), this.#gpu.popErrorScope()]);
    try {
      const [[invalid, shortage]] = await Promise.all([checks, mapping]);
      if (shortage ?? invalid) throw shortage ?? invalid;
      const bytes = staging.getMappedRange(0, size).slice(0);
      staging.unmap();
      this.#put(staging);
      return bytes;
    } catch (error) {
      staging.destroy();
      throw error;
    }
  }

  #take(bytes: number): GPUBuffer {
    const size = SMALLEST * 2 ** Math.max(0, Math.ceil(Math.log2(bytes / SMALLEST)));
    return (
      this.#free.get(size)?.pop() ??
      this.#gpu.createBuffer({
        label: 'staging',
        size: size > LARGEST_KEPT ? bytes : size,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      })
    );
  }

  #put(buffer: GPUBuffer): void {
    const others = this.#free.get(buffer.size) ?? [];
    if (buffer.size > LARGEST_KEPT || others.length === KEPT_PER_SIZE) buffer.destroy();
    else this.#free.set(buffer.size, [...others, buffer]);
  }
}
