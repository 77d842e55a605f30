import type { Call } from '../../step.js';
import type { Tensor } from '../../tensor.js';
import type { Cuts } from './cuts.js';
import { type Dispatch, encodeSteps } from './dispatches.js';
import { KERNELS } from './kernels.js';
import { link } from './link.js';
import type { Pipelines } from './pipelines.js';
import { type Cut, cutsOf, estimate, type Product, planProduct } from './products.js';
import { storedBytes } from './values.js';

/** Cuts that are estimated to take longer than the best, times this, are not tried. */
const WORST = 3;
/** Most cuts that are tried for a product. */
const MOST_CUTS = 12;
/** Milliseconds that one measurement should take: much more than it takes to ask for it. */
const LONG_ENOUGH = 3;
const MOST_TIMES = 256;
const ROUNDS = 3;
/** What another cut than the estimated one has to gain: less may be noise. */
const LEAST_GAIN = 0.05;

/**
 * Measures, for every product among the calls that was not measured before, which cut is the
 * fastest. It takes some milliseconds for each, and memory for its operands once more.
 *
 * @returns whether there was anything to measure
 */
export async function measureCuts(
  gpu: GPUDevice,
  pipelines: Pipelines,
  cuts: Cuts,
  calls: readonly Call[],
): Promise<boolean> {
  let isNew = false;
  for (const call of calls) {
    const kernel = KERNELS[call.op];
    if (!('productOf' in kernel)) continue;
    const product = kernel.productOf(call.sizes, call.attributes);
    if (cuts.isMeasured(product)) continue;
    const race = new Race(gpu, pipelines, call, product);
    try {
      cuts.keep(product, await race.fastest(worthTrying(product, cutsOf(product, cuts.tiles))));
    } finally {
      race.close();
    }
    isNew = true;
  }
  return isNew;
}

/** @param cuts the one with the least estimated cost first */
function worthTrying(product: Product, cuts: readonly Cut[]): Cut[] {
  const limit = WORST * estimate(product, cuts[0]);
  return cuts.filter((cut) => estimate(product, cut) <= limit).slice(0, MOST_CUTS);
}

interface Contestant {
  readonly cut: Cut;
  readonly dispatches: readonly Dispatch[];
  milliseconds: number;
}

/** Runs one product, on operands of its own, cut in different ways. */
class Race {
  readonly #gpu: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #call: Call;
  readonly #product: Product;
  readonly #buffers: GPUBuffer[] = [];
  readonly #places = new Map<Tensor, GPUBuffer>();

  constructor(gpu: GPUDevice, pipelines: Pipelines, call: Call, product: Product) {
    this.#gpu = gpu;
    this.#pipelines = pipelines;
    this.#call = call;
    this.#product = product;
  }

  /** @param cuts the one to be preferred first */
  async fastest(cuts: readonly Cut[]): Promise<Cut> {
    if (cuts.length === 1) return cuts[0];
    const contestants: Contestant[] = [];
    for (const cut of cuts) {
      contestants.push({ cut, dispatches: await this.#link(cut), milliseconds: Infinity });
    }
    const times = await this.#timesOf(contestants[0].dispatches);
    for (let round = 0; round < ROUNDS; round++) {
      for (const contestant of contestants) {
        const milliseconds = await this.#run(contestant.dispatches, times);
        contestant.milliseconds = Math.min(contestant.milliseconds, milliseconds);
      }
    }
    const [preferred] = contestants;
    const best = contestants.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
    const gain = 1 - best.milliseconds / preferred.milliseconds;
    return gain >= LEAST_GAIN ? best.cut : preferred.cut;
  }

  close(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }

  #link(cut: Cut): Promise<Dispatch[]> {
    const plan = planProduct(KERNELS[this.#call.op].shader, this.#product, cut);
    return link(this.#gpu, this.#pipelines, [this.#call], [plan], {
      bufferOf: (tensor) => this.#bufferOf(tensor),
      createScratch: (byteLength) => this.#create(byteLength, GPUBufferUsage.STORAGE),
      createParameters: (bytes) => {
        const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
        const buffer = this.#create(bytes.byteLength, usage);
        this.#gpu.queue.writeBuffer(buffer, 0, bytes);
        return buffer;
      },
    });
  }

  #bufferOf(tensor: Tensor): GPUBuffer {
    let buffer = this.#places.get(tensor);
    if (!buffer) {
      buffer = this.#create(tensor.byteLength, GPUBufferUsage.STORAGE);
      this.#places.set(tensor, buffer);
    }
    return buffer;
  }

  #create(byteLength: number, usage: number): GPUBuffer {
    const label = `operands to measure ${this.#call.op}`;
    const buffer = this.#gpu.createBuffer({ label, size: storedBytes(byteLength), usage });
    this.#buffers.push(buffer);
    return buffer;
  }

  /** How often to run for a measurement that is long enough. */
  async #timesOf(dispatches: readonly Dispatch[]): Promise<number> {
    await this.#run(dispatches, 1);
    let times = 1;
    while (times < MOST_TIMES && (await this.#run(dispatches, times)) < LONG_ENOUGH) times *= 2;
    return times;
  }

  async #run(dispatches: readonly Dispatch[], times: number): Promise<number> {
    const encoder = this.#gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encodeSteps(pass, dispatches, times);
    pass.end();
    const commands = encoder.finish();
    const began = performance.now();
    this.#gpu.queue.submit([commands]);
    await this.#gpu.queue.onSubmittedWorkDone();
    return performance.now() - began;
  }
}
