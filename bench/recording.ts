import type { Device, Executable } from '../src/backends/device.js';
import type { Step } from '../src/step.js';
import type { Tensor, Values } from '../src/tensor.js';

/** A run that can be repeated: what was written since the run before it, and how often it ran. */
export interface Chunk {
  readonly executable: Executable;
  readonly times: number;
  readonly writes: readonly (readonly [Tensor, ArrayLike<number>])[];
}

/**
 * A device that passes everything on and remembers every run, so that what a trainer did can be timed
 * again without the trainer.
 */
export class Recording implements Device {
  readonly info: Device['info'];
  readonly #device: Device;
  #writes: [Tensor, ArrayLike<number>][] = [];
  readonly #chunks: Chunk[] = [];

  constructor(device: Device) {
    this.#device = device;
    this.info = device.info;
  }

  /** As the device it records, so that the trainer has the overlap that it has without recording. */
  get runsAhead(): boolean {
    return this.#device.runsAhead === true;
  }

  /** All runs, in order. */
  get chunks(): readonly Chunk[] {
    return this.#chunks;
  }

  /** The run of most steps so far, the latest of several. */
  get longest(): Chunk | undefined {
    return this.#chunks.toSorted((a, b) => a.times - b.times).at(-1);
  }

  async compile(step: Step): Promise<Executable> {
    const executable = await this.#device.compile(step);
    return {
      run: (times) => {
        this.#chunks.push({ executable, times, writes: this.#writes });
        this.#writes = [];
        return executable.run(times);
      },
      close: () => executable.close(),
    };
  }

  /** Writes what was written before that run, so that it finds its counters where they were. */
  rewind({ writes }: Chunk): void {
    for (const [tensor, values] of writes) this.#device.write(tensor, values);
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#writes.push([tensor, values]);
    this.#device.write(tensor, values);
  }

  read(tensor: Tensor): Promise<Values> {
    return this.#device.read(tensor);
  }

  finish(): Promise<void> {
    return this.#device.finish();
  }

  release(tensors: Iterable<Tensor>): void {
    this.#device.release(tensors);
  }

  /** Leaves the device open: it belongs to whoever opened it. */
  async close(): Promise<void> {}
}
