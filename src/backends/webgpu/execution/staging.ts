/** The smallest staging buffer, in bytes. */
const SMALLEST = 256;
/** The largest that is kept for later: making a larger one takes little beside the copying. */
const LARGEST_KEPT = 2 ** 20;
/** How many of a size are kept. */
const KEPT = 4;

/**
 * Reads buffers of a GPU, whose memory JavaScript cannot see, through staging buffers that it can.
 * Their sizes are powers of two, so that few of them serve all reads, one after the other.
 */
export class Staging {
  readonly #gpu: GPUDevice;
  /** Buffers that wait for a read, by size. */
  readonly #free = new Map<number, GPUBuffer[]>();
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
  }

  async #copy(source: GPUBuffer): Promise<ArrayBuffer> {
    const { size } = source;
    // Of a staging buffer that there is no room for, the reader alone need hear.
    this.#gpu.pushErrorScope('out-of-memory');
    this.#gpu.pushErrorScope('validation');
    const staging = this.#take(size);
    const encoder = this.#gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, staging, 0, size);
    this.#gpu.queue.submit([encoder.finish()]);
    const mapping = staging.mapAsync(GPUMapMode.READ, 0, size);
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
    if (buffer.size > LARGEST_KEPT || others.length === KEPT) buffer.destroy();
    else this.#free.set(buffer.size, [...others, buffer]);
  }
}
