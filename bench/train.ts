import type { Backend } from '../src/backends/backend.js';
import type { Splits } from '../src/data/dataset.js';
import { take } from '../src/data/subset.js';
import type { Recipe } from '../src/recipes.js';
import { recipeTrainer } from '../src/train-recipe.js';
import type { Trainer } from '../src/training/trainer.js';
import { race, type Timing } from './harness.js';
import { type BenchResult, identify } from './result.js';

/** Steps of one epoch of the timed runs, so that shuffling and reading losses weigh as in use. */
const STEPS = 100;
/** Steps whose losses are compared with the reference's. */
const CHECKED_STEPS = 5;

/** Times whole training steps of recipes on every backend. */
export async function benchTrain(
  backends: readonly Backend[],
  recipes: readonly Recipe[],
  digits: Splits,
  reference: Backend,
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const recipe of recipes) {
    results.push(...(await benchRecipe(backends, recipe, digits, reference, repeat)));
  }
  return results;
}

async function benchRecipe(
  backends: readonly Backend[],
  recipe: Recipe,
  digits: Splits,
  reference: Backend,
  repeat: number,
): Promise<BenchResult[]> {
  const { train } = recipe.prepare(digits, 0);
  const data = take(train, Math.min(train.size, STEPS * recipe.batchSize));
  const steps = Math.ceil(data.size / recipe.batchSize);
  const firstLosses = (backend: Backend) => lossesOf(recipeTrainer(recipe, { backend }), data);
  const want = await firstLosses(reference);
  const verified: boolean[] = [];
  for (const backend of backends) verified.push(close(await firstLosses(backend), want));
  const trainers = backends.map((backend) => recipeTrainer(recipe, { backend }));
  const timings = await race(
    trainers.map((trainer) => ({
      run: (times: number) => trainer.fit(data, { epochs: times }),
    })),
    repeat,
  );
  return backends.map((backend, i) => ({
    op: 'train',
    shape: { recipe: recipe.name, batch: recipe.batchSize },
    ...identify(backend),
    stepMs: perStep(timings[i], steps),
    imagesPerSecond: (1000 * data.size) / timings[i].median,
    verified: verified[i],
  }));
}

/** Losses of the first steps. */
async function lossesOf(trainer: Trainer, data: Splits['train']): Promise<number[]> {
  const losses: number[] = [];
  const onStep = ({ step, loss }: { step: number; loss: number }) => {
    losses.push(loss);
    return step < CHECKED_STEPS;
  };
  await trainer.fit(data, { epochs: 1, onStep });
  return losses;
}

/**
 * Rounding may put a unit on the other side of ReLU's corner, which changes its gradient whole; so
 * only the first loss is that close.
 */
function close(got: readonly number[], want: readonly number[]): boolean {
  return want.every(
    (loss, i) => Math.abs(got[i] - loss) <= (i === 0 ? 1e-5 : 1e-3) * Math.abs(loss),
  );
}

function perStep({ min, median, p95 }: Timing, steps: number): Timing {
  return { min: min / steps, median: median / steps, p95: p95 / steps };
}
