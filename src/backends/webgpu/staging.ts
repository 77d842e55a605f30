/** The smallest staging buffer, in bytes. */
const SMALLEST = 256;
/** Bytes of staging buffers that are kept for later: those of losses and small tensors. */
const KEPT = 2 ** 24;

/**
 * Reads buffers of a GPU, whose memory JavaScript cannot see, through staging buffers that it can.
 * Their sizes are powers of two, so that few of them serve all reads, one after the other.
 */
export class Staging {
  readonly #gpu: GPUDevice;
  /** Buffers that wait for a read, by size. */
  readonly #free = new Map<number, GPUBuffer[]>();
  #freeBytes = 0;
  #latest: Promise<void> = Promise.resolve();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /**
   * A copy of a buffer as all that was submitted before leaves it: the copy is submitted before
   * this returns its promise, so that what follows cannot change it.
   */
  read(source: GPUBuffer): Promise<ArrayBuffer> {
    const bytes = this.#copy(source);
    this.#latest = bytes.then(
      () => {},
      () => {},
    );
    return bytes;
  }

  /** Resolves when the latest read is over, and with it those before. */
  get latest(): Promise<void> {
    return this.#latest;
  }

  close(): void {
    for (const buffer of [...this.#free.values()].flat()) buffer.destroy();
    this.#free.clear();
    this.#freeBytes = 0;
  }

  async #copy(source: GPUBuffer): Promise<ArrayBuffer> {
    const { size } = source;
    const staging = this.#take(size);
    try {
      const encoder = this.#gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(source, 0, staging, 0, size);
      this.#gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ, 0, size);
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
    const known = this.#free.get(size)?.pop();
    if (known) {
      this.#freeBytes -= size;
      return known;
    }
    // Beyond what is kept, a size of its own spares memory.
    return this.#gpu.createBuffer({
      label: 'staging',
      size: size > KEPT ? bytes : size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  #put(buffer: GPUBuffer): void {
    if (this.#freeBytes + buffer.size > KEPT) {
      buffer.destroy();
      return;
    }
    this.#freeBytes += buffer.size;
    const others = this.#free.get(buffer.size);
    if (others) others.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }
}
