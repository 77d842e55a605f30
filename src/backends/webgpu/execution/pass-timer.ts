/** Bytes of two timestamps: 64-bit integers, in nanoseconds. */
const BYTES = 16;

/**
 * Times compute passes with the GPU's clock, which excludes encoding and waiting. Requires the feature
 * `timestamp-query`.
 *
 * Browsers, and Dawn by default, round timestamps to 0.1 ms, so a pass should take at least 20 ms.
 */
export class PassTimer {
  readonly #gpu: GPUDevice;
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
    this.#querySet = gpu.createQuerySet({ type: 'timestamp', count: 2 });
    const { COPY_SRC, COPY_DST, MAP_READ, QUERY_RESOLVE } = GPUBufferUsage;
    this.#resolved = gpu.createBuffer({ size: BYTES, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = gpu.createBuffer({ size: BYTES, usage: MAP_READ | COPY_DST });
  }

  /**
   * Runs a pass. Only one pass may be timed at once, because there is one pair of timestamps.
   *
   * @param encode encodes the pass
   * @returns milliseconds from its beginning to its end
   */
  async time(encode: (pass: GPUComputePassEncoder) => void): Promise<number> {
    const encoder = this.#gpu.createCommandEncoder();
    const pass = encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#querySet,
        beginningOfPassWriteIndex: 0,
        endOfPassWriteIndex: 1,
      },
    });
    encode(pass);
    pass.end();
    encoder.resolveQuerySet(this.#querySet, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, BYTES);
    this.#gpu.queue.submit([encoder.finish()]);
    await this.#staging.mapAsync(GPUMapMode.READ);
    const [start, end] = new BigUint64Array(this.#staging.getMappedRange().slice(0));
    this.#staging.unmap();
    return Number(end - start) / 1e6;
  }

  close(): void {
    this.#querySet.destroy();
    this.#resolved.destroy();
    this.#staging.destroy();
  }
}
