import type { Dataset, Splits } from '../data/dataset.js';
import { take } from '../data/subset.js';
import type { Timing } from '../interleave.js';
import { Backend } from '../numerics/backend.js';
import type { Recipe } from '../recipes.js';
import { recipeTrainer } from '../train-recipe.js';
import type { Trainer } from '../training/trainer.js';
import { type Candidate, identify } from './candidate.js';
import { fittingSample, medianOf, millisecondsOf, timeInterleaved } from './harness.js';
import { Recording } from './recording.js';
import type { BenchResult } from './result.js';
import { lossFault } from './verify.js';

/** Steps of one timed epoch: enough to include shuffling and reading losses at their usual share. */
const STEPS = 100;
/** Steps whose losses are compared with the reference. */
const CHECKED_STEPS = 5;
/** Samples of the kernel time, which is not interleaved. */
const KERNEL_SAMPLES = 5;

/** Times whole training steps of recipes on every candidate. */
export async function benchTrain(
  candidates: readonly Candidate[],
  recipes: readonly Recipe[],
  digits: Splits,
  reference: Backend,
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const recipe of recipes) {
    results.push(...(await benchRecipe(candidates, recipe, digits, reference, repeat)));
  }
  return results;
}

async function benchRecipe(
  candidates: readonly Candidate[],
  recipe: Recipe,
  digits: Splits,
  reference: Backend,
  repeat: number,
): Promise<BenchResult[]> {
  const data = someBatches(recipe, digits, STEPS);
  const steps = Math.ceil(data.size / recipe.batchSize);
  const firstLosses = (backend: Backend) =>
    lossesOf(recipeTrainer(recipe, { backend }), data, CHECKED_STEPS);
  const want = await firstLosses(reference);
  const verified: boolean[] = [];
  const cold: number[] = [];
  for (const { backend, open } of candidates) {
    verified.push(lossFault(await firstLosses(backend), want) === undefined);
    cold.push(await coldMilliseconds(open, recipe, data));
  }
  const recordings = candidates.map(({ backend }) => new Recording(backend.runtime));
  const trainers = recordings.map((runtime) =>
    recipeTrainer(recipe, { backend: new Backend(runtime) }),
  );
  const timings = await timeInterleaved(
    trainers.map((trainer) => ({
      run: (times: number) => trainer.fit(data, { epochs: times }),
    })),
    repeat,
  );
  const kernels: Pick<BenchResult, 'kernelMs'>[] = [];
  for (const recording of recordings) kernels.push(await kernelMilliseconds(recording, repeat));
  return candidates.map((candidate, i) => ({
    op: 'train',
    shape: { recipe: recipe.name, batch: recipe.batchSize },
    ...identify(candidate),
    stepMs: perStep(timings[i], steps),
    ...kernels[i],
    coldMs: cold[i],
    imagesPerSecond: (1000 * data.size) / timings[i].median,
    verified: verified[i],
  }));
}

/** The first batches of a recipe's training data, at most `batches`. */
export function someBatches(recipe: Recipe, digits: Splits, batches: number): Dataset {
  const { train } = recipe.prepare(digits, 0);
  return take(train, Math.min(train.size, batches * recipe.batchSize));
}

/** Time from a newly opened backend to the first loss. */
async function coldMilliseconds(
  open: Candidate['open'],
  recipe: Recipe,
  data: Dataset,
): Promise<number> {
  const backend = await open();
  try {
    const firstLoss = () =>
      recipeTrainer(recipe, { backend }).fit(data, { epochs: 1, onStep: () => false });
    return await millisecondsOf(firstLoss);
  } finally {
    await backend.close();
  }
}

/** Kernel time of one step by the device's timestamps, if it has them: repeats the longest chunk. */
async function kernelMilliseconds(
  recording: Recording,
  repeat: number,
): Promise<Pick<BenchResult, 'kernelMs'>> {
  const chunk = recording.longest;
  if (!chunk?.executable.kernelMilliseconds) return {};
  const { executable, times } = chunk;
  const once = async () => {
    recording.rewind(chunk);
    return (await executable.kernelMilliseconds?.(times)) ?? 0;
  };
  // The clock may be coarse and a chunk short, so a sample is several chunks.
  const chunks = fittingSample(await once());
  const sample = async () => {
    let sum = 0;
    for (let i = 0; i < chunks; i++) sum += await once();
    return sum / chunks / times;
  };
  return { kernelMs: await medianOf(Math.min(repeat, KERNEL_SAMPLES), sample) };
}

/** Losses of the first steps, at most `steps`. */
export async function lossesOf(trainer: Trainer, data: Dataset, steps: number): Promise<number[]> {
  const losses: number[] = [];
  const onStep = ({ step, loss }: { step: number; loss: number }) => {
    losses.push(loss);
    return step < steps;
  };
  await trainer.fit(data, { epochs: 1, onStep });
  return losses;
}

function perStep({ min, median, p95 }: Timing, steps: number): Timing {
  return { min: min / steps, median: median / steps, p95: p95 / steps };
}
