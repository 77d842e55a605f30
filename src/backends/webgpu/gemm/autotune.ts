import type { Call } from '../../../call.js';
import { interleave, summarise } from '../../../interleave.js';
import type { Tensor } from '../../../tensor.js';
import { type Dispatch, submitSteps } from '../execution/dispatches.js';
import { link } from '../execution/link.js';
import type { Pipelines } from '../execution/pipelines.js';
import { storedBytes } from '../execution/values.js';
import { KERNELS } from '../kernels/kernels.js';
import { createParameters } from '../kernels/parameters.js';
import type { Plan } from '../kernels/passes.js';
import { estimateCycles, type Gemm, planGemm, type Tiling, tilingsOf } from './gemm.js';
import type { Tilings } from './tilings.js';

/** Skip tilings estimated slower than the best one times WORST. */
const WORST = 3;
/** Most candidates for one GEMM. */
const MAX_CANDIDATES = 12;
/** Milliseconds that one sample should take, so that the overhead of a submission is negligible. */
const SAMPLE_MILLISECONDS = 3;
/** Most repetitions of a GEMM in one sample. */
const MAX_REPETITIONS = 256;
/** Samples per candidate. */
const ROUNDS = 3;
/** Least improvement, as a share, over the estimated tiling: less may be noise. */
const MIN_GAIN = 0.05;

/**
 * Autotunes every GEMM among the calls that has no measured tiling yet: times candidate tilings and
 * keeps the fastest. This takes about a tenth of a second per GEMM, and memory for a second copy of its
 * operands. If that memory is missing, or a candidate fails, the estimated tiling stays.
 *
 * @returns whether a tiling was added
 */
export async function autotune(
  gpu: GPUDevice,
  pipelines: Pipelines,
  tilings: Tilings,
  calls: readonly Call[],
): Promise<boolean> {
  let hasNew = false;
  for (const call of calls) {
    const kernel = KERNELS[call.op];
    if (!('gemmOf' in kernel)) continue;
    const gemm = kernel.gemmOf(call.sizes, call.attributes);
    if (tilings.measured(kernel.shader, gemm)) continue;
    const tiling = await fastest(gpu, pipelines, call, gemm, candidatesFor(gemm, tilings));
    if (!tiling) continue;
    tilings.keep(kernel.shader, gemm, tiling);
    hasNew = true;
  }
  return hasNew;
}

/** Tilings to time, the one with the lowest estimated cost first. */
function candidatesFor(gemm: Gemm, { tiles }: Tilings): Tiling[] {
  const tilings = tilingsOf(gemm, tiles);
  const limit = WORST * estimateCycles(gemm, tilings[0]);
  return tilings.filter((tiling) => estimateCycles(gemm, tiling) <= limit).slice(0, MAX_CANDIDATES);
}

/** The time of a GEMM with one tiling. */
export interface Outcome {
  readonly tiling: Tiling;
  readonly milliseconds: number;
}

/** The fastest tiling, or the first one where the fastest gains less than MIN_GAIN over it. */
export function winnerOf(outcomes: readonly Outcome[]): Tiling {
  const [preferred] = outcomes;
  const best = outcomes.reduce((a, b) => (b.milliseconds < a.milliseconds ? b : a));
  const gain = 1 - best.milliseconds / preferred.milliseconds;
  return gain >= MIN_GAIN ? best.tiling : preferred.tiling;
}

/** The fastest of the candidates; undefined when the GPU reports an error. */
async function fastest(
  gpu: GPUDevice,
  pipelines: Pipelines,
  call: Call,
  gemm: Gemm,
  candidates: readonly Tiling[],
): Promise<Tiling | undefined> {
  const trial = new Trial(gpu, call);
  gpu.pushErrorScope('out-of-memory');
  gpu.pushErrorScope('validation');
  let winner: Tiling | undefined;
  try {
    winner = winnerOf(await trial.run(pipelines, gemm, candidates));
  } catch {
    // An error that also affects the step surfaces when the step is compiled.
  } finally {
    trial.close();
  }
  const errors = [await gpu.popErrorScope(), await gpu.popErrorScope()];
  return errors.every((error) => error === null) ? winner : undefined;
}

/** Times one GEMM with several tilings, on operands of its own. */
class Trial {
  readonly #gpu: GPUDevice;
  readonly #call: Call;
  readonly #buffers: GPUBuffer[] = [];
  readonly #operands = new Map<Tensor, GPUBuffer>();

  constructor(gpu: GPUDevice, call: Call) {
    this.#gpu = gpu;
    this.#call = call;
  }

  async run(pipelines: Pipelines, gemm: Gemm, tilings: readonly Tiling[]): Promise<Outcome[]> {
    if (tilings.length === 1) return [{ tiling: tilings[0], milliseconds: 0 }];
    const plans = tilings.map((tiling) => planGemm(gemm, tiling));
    const linked = await this.#link(pipelines, plans);
    const repetitions = await this.#repetitionsOf(linked[0]);
    const candidates = linked.map((dispatches) => () => this.#time(dispatches, repetitions));
    const samples = await interleave(candidates, { rounds: ROUNDS });
    return tilings.map((tiling, i) => ({ tiling, milliseconds: summarise(samples[i]).min }));
  }

  close(): void {
    for (const buffer of this.#buffers) buffer.destroy();
  }

  #link(pipelines: Pipelines, plans: readonly Plan[]): Promise<Dispatch[][]> {
    const scratchBytes = Math.max(...plans.map((plan) => plan.scratchBytes));
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
    let buffer = this.#operands.get(tensor);
    if (!buffer) {
      buffer = this.#create(tensor.byteLength);
      this.#operands.set(tensor, buffer);
    }
    return buffer;
  }

  #create(byteLength: number): GPUBuffer {
    const label = `operands to autotune ${this.#call.op}`;
    const size = storedBytes(byteLength);
    return this.#own(this.#gpu.createBuffer({ label, size, usage: GPUBufferUsage.STORAGE }));
  }

  #own(buffer: GPUBuffer): GPUBuffer {
    this.#buffers.push(buffer);
    return buffer;
  }

  /** Repetitions that make a sample long enough. */
  async #repetitionsOf(dispatches: readonly Dispatch[]): Promise<number> {
    // Warm up.
    await this.#time(dispatches, 1);
    let times = 1;
    while (times < MAX_REPETITIONS && (await this.#time(dispatches, times)) < SAMPLE_MILLISECONDS) {
      times *= 2;
    }
    return times;
  }

  async #time(dispatches: readonly Dispatch[], times: number): Promise<number> {
    const start = performance.now();
    submitSteps(this.#gpu, dispatches, times);
    await this.#gpu.queue.onSubmittedWorkDone();
    return performance.now() - start;
  }
}
