import type { Call } from '../../../step.js';
import type { Tensor } from '../../../tensor.js';
import { type Dispatch, submitSteps } from '../execution/dispatches.js';
import { link } from '../execution/link.js';
import type { Pipelines } from '../execution/pipelines.js';
import { storedBytes } from '../execution/values.js';
import { KERNELS } from '../kernels/kernels.js';
import { createParameters } from '../kernels/parameters.js';
import type { Plan } from '../kernels/passes.js';
import { type Cut, cutsOf, estimate, type Product, planProduct } from './gemm.js';
import type { Cuts } from './tilings.js';

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
 * fastest. It takes about a tenth of a second for each, and memory for its operands once more; where
 * there is none, or a cut does not run, nothing is found out.
 *
 * @returns whether anything was
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
    if (cuts.measured(kernel.shader, product)) continue;
    const cut = await fastest(gpu, pipelines, call, product, worthTrying(product, cuts));
    if (!cut) continue;
    cuts.keep(kernel.shader, product, cut);
    isNew = true;
  }
  return isNew;
}

/** The cut with the least estimated cost first. */
function worthTrying(product: Product, { tiles }: Cuts): Cut[] {
  const cuts = cutsOf(product, tiles);
  const limit = WORST * estimate(product, cuts[0]);
  return cuts.filter((cut) => estimate(product, cut) <= limit).slice(0, MOST_CUTS);
}

/** How long a product took, cut so. */
export interface Outcome {
  readonly cut: Cut;
  readonly milliseconds: number;
}

/** The fastest, unless it gains too little over the first. */
export function winnerOf(outcomes: readonly Outcome[]): Cut {
  const [preferred] = outcomes;
  const best = outcomes.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
  const gain = 1 - best.milliseconds / preferred.milliseconds;
  return gain >= LEAST_GAIN ? best.cut : preferred.cut;
}

/** Undefined when the GPU has something against one of the runs. */
async function fastest(
  gpu: GPUDevice,
  pipelines: Pipelines,
  call: Call,
  product: Product,
  cuts: readonly Cut[],
): Promise<Cut | undefined> {
  const race = new Race(gpu, call);
  gpu.pushErrorScope('out-of-memory');
  gpu.pushErrorScope('validation');
  let winner: Cut | undefined;
  try {
    winner = winnerOf(await race.run(pipelines, product, cuts));
  } catch {
    // Whoever compiles the step next hears what is wrong, if it has to do with that.
  } finally {
    race.close();
  }
  const errors = [await gpu.popErrorScope(), await gpu.popErrorScope()];
  return errors.every((error) => error === null) ? winner : undefined;
}

/** Runs one product, on operands of its own, cut in different ways. */
class Race {
  readonly #gpu: GPUDevice;
  readonly #call: Call;
  readonly #buffers: GPUBuffer[] = [];
  readonly #places = new Map<Tensor, GPUBuffer>();

  constructor(gpu: GPUDevice, call: Call) {
    this.#gpu = gpu;
    this.#call = call;
  }

  async run(pipelines: Pipelines, product: Product, cuts: readonly Cut[]): Promise<Outcome[]> {
    if (cuts.length === 1) return [{ cut: cuts[0], milliseconds: 0 }];
    const { shader } = KERNELS[this.#call.op];
    const plans = cuts.map((cut) => planProduct(shader, product, cut));
    const contestants = await this.#link(pipelines, plans);
    const times = await this.#timesOf(contestants[0]);
    const least = cuts.map(() => Infinity);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, dispatches] of contestants.entries()) {
        least[i] = Math.min(least[i], await this.#time(dispatches, times));
      }
    }
    return cuts.map((cut, i) => ({ cut, milliseconds: least[i] }));
  }

  close(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }

  #link(pipelines: Pipelines, plans: readonly Plan[]): Promise<Dispatch[][]> {
    const scratchBytes = Math.max(...plans.map(({ scratch }) => scratch));
    const scratch = this.#create(scratchBytes);
    return Promise.all(
      plans.map((plan) =>
        link(this.#gpu, pipelines, [this.#call], [plan], {
          bufferOf: (tensor) => this.#bufferOf(tensor),
          createScratch: () => scratch,
          createParameters: (bytes) => this.#own(createParameters(this.#gpu, bytes)),
        }),
      ),
    );
  }

  #bufferOf(tensor: Tensor): GPUBuffer {
    let buffer = this.#places.get(tensor);
    if (!buffer) {
      buffer = this.#create(tensor.byteLength);
      this.#places.set(tensor, buffer);
    }
    return buffer;
  }

  #create(byteLength: number): GPUBuffer {
    const label = `operands to measure ${this.#call.op}`;
    const size = storedBytes(byteLength);
    return this.#own(this.#gpu.createBuffer({ label, size, usage: GPUBufferUsage.STORAGE }));
  }

  #own(buffer: GPUBuffer): GPUBuffer {
    this.#buffers.push(buffer);
    return buffer;
  }

  /** How often to run for a measurement that is long enough. */
  async #timesOf(dispatches: readonly Dispatch[]): Promise<number> {
    await this.#time(dispatches, 1);
    let times = 1;
    while (times < MOST_TIMES && (await this.#time(dispatches, times)) < LONG_ENOUGH) times *= 2;
    return times;
  }

  async #time(dispatches: readonly Dispatch[], times: number): Promise<number> {
    const began = performance.now();
    submitSteps(this.#gpu, dispatches, times);
    await this.#gpu.queue.onSubmittedWorkDone();
    return performance.now() - began;
  }
}
