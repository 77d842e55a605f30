import { Backend } from '../src/numerics/backend.js';
import type { Dataset, Splits } from '../src/data/dataset.js';
import { take } from '../src/data/subset.js';
import type { Recipe } from '../src/recipes.js';
import { recipeTrainer } from '../src/train-recipe.js';
import type { Trainer } from '../src/training/trainer.js';
import { type Contender, identify } from './contender.js';
import { fittingSample, medianOf, millisecondsOf, race, type Timing } from './harness.js';
import { Recording } from './recording.js';
import type { BenchResult } from './result.js';

/** Steps of one epoch of the timed runs, so that shuffling and reading losses weigh as in use. */
const STEPS = 100;
/** Steps whose losses are compared with the reference's. */
const CHECKED_STEPS = 5;
/** Enough for a median of what is not raced. */
const KERNEL_SAMPLES = 5;

/** Times whole training steps of recipes on every contender. */
export async function benchTrain(
  contenders: readonly Contender[],
  recipes: readonly Recipe[],
  digits: Splits,
  reference: Backend,
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const recipe of recipes) {
    results.push(...(await benchRecipe(contenders, recipe, digits, reference, repeat)));
  }
  return results;
}

async function benchRecipe(
  contenders: readonly Contender[],
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
  for (const { backend, open } of contenders) {
    verified.push(close(await firstLosses(backend), want));
    cold.push(await coldMilliseconds(open, recipe, data));
  }
  const recordings = contenders.map(({ backend }) => new Recording(backend.device));
  const trainers = recordings.map((device) =>
    recipeTrainer(recipe, { backend: new Backend(device) }),
  );
  const timings = await race(
    trainers.map((trainer) => ({
      run: (times: number) => trainer.fit(data, { epochs: times }),
    })),
    repeat,
  );
  const kernels: Pick<BenchResult, 'kernelMs'>[] = [];
  for (const recording of recordings) kernels.push(await kernelMilliseconds(recording, repeat));
  return contenders.map((contender, i) => ({
    op: 'train',
    shape: { recipe: recipe.name, batch: recipe.batchSize },
    ...identify(contender),
    stepMs: perStep(timings[i], steps),
    ...kernels[i],
    coldMs: cold[i],
    imagesPerSecond: (1000 * data.size) / timings[i].median,
    verified: verified[i],
  }));
}

/** The first batches of what a recipe trains on, at most so many. */
export function someBatches(recipe: Recipe, digits: Splits, batches: number): Dataset {
  const { train } = recipe.prepare(digits, 0);
  return take(train, Math.min(train.size, batches * recipe.batchSize));
}

/** From a backend on which nothing was compiled to the first loss. */
async function coldMilliseconds(
  open: Contender['open'],
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

/** Of one step, by the device's own clock where it has one: the longest chunk, run again. */
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
  // The clock may be coarse, and a chunk short: as many chunks as fill a sample.
  const chunks = fittingSample(await once());
  const sample = async () => {
    let sum = 0;
    for (let i = 0; i < chunks; i++) sum += await once();
    return sum / chunks / times;
  };
  return { kernelMs: await medianOf(Math.min(repeat, KERNEL_SAMPLES), sample) };
}

/** Losses of the first steps, at most so many. */
export async function lossesOf(trainer: Trainer, data: Dataset, steps: number): Promise<number[]> {
  const losses: number[] = [];
  const onStep = ({ step, loss }: { step: number; loss: number }) => {
    losses.push(loss);
    return step < steps;
  };
  await trainer.fit(data, { epochs: 1, onStep });
  return losses;
}

/**
 * Rounding may put a unit on the other side of ReLU's corner, which changes its gradient whole; so
 * only the first loss is that close.
 */
export function close(got: readonly number[], want: readonly number[]): boolean {
  return want.every(
    (loss, i) => Math.abs(got[i] - loss) <= (i === 0 ? 1e-5 : 1e-3) * Math.abs(loss),
  );
}

function perStep({ min, median, p95 }: Timing, steps: number): Timing {
  return { min: min / steps, median: median / steps, p95: p95 / steps };
}
