import { Backend } from '../src/numerics/backend.js';
import type { Splits } from '../src/data/dataset.js';
import type { Recipe } from '../src/recipes.js';
import { recipeTrainer } from '../src/train-recipe.js';
import { type Contender, identify } from './contender.js';
import { type Chunk, Recording } from './recording.js';
import type { BenchResult, Overhead } from './result.js';
import { someBatches } from './train.js';

/** Steps per submission, at most: enough that what a submission costs by itself weighs little. */
const STEPS = 20;
/** Submissions before which V8 may still be compiling the encoder's loop. */
const WARM_UP = 5;

/**
 * Times what a GPU's kernels cost the CPU: encoding and submitting a chunk of training steps, over
 * the kernels in it. Only the call itself is timed, on the thread that makes it: what the GPU does
 * meanwhile does not count, be it one in software.
 *
 * @returns nothing for backends that start no kernels, nor for recipes of fewer than two batches
 */
export async function benchOverhead(
  contenders: readonly Contender[],
  recipes: readonly Recipe[],
  digits: Splits,
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const recipe of recipes) {
    for (const contender of contenders) {
      const overhead = await overheadOf(contender, recipe, digits, repeat);
      if (!overhead) continue;
      const shape = { recipe: recipe.name, batch: recipe.batchSize };
      results.push({ op: 'overhead', shape, ...identify(contender), overhead });
    }
  }
  return results;
}

async function overheadOf(
  { backend }: Contender,
  recipe: Recipe,
  digits: Splits,
  repeat: number,
): Promise<Overhead | undefined> {
  const recording = new Recording(backend.device);
  const trainer = recipeTrainer(recipe, { backend: new Backend(recording) });
  const data = someBatches(recipe, digits, 1 + STEPS);
  // Of whole batches: a smaller one at the end has a step of its own.
  const steps = Math.floor(data.size / recipe.batchSize) - 1;
  if (steps < 1) return undefined;
  await trainer.fit(data, { epochs: 1 });
  // The first run, of one step, comes with the dataset, which is nothing to write down each time.
  const chunk = recording.chunks[1];
  const kernelsPerStep = chunk?.executable.kernels;
  if (!chunk || kernelsPerStep === undefined) return undefined;
  const kernelsPerSubmit = kernelsPerStep * steps;
  const submit = () => submitMilliseconds(recording, chunk, steps);
  for (let i = 0; i < WARM_UP; i++) await submit();
  // The least: a GPU in software takes turns with the thread that is timed.
  let milliseconds = Infinity;
  for (let i = 0; i < repeat; i++) milliseconds = Math.min(milliseconds, await submit());
  return {
    microsecondsPerKernel: (1000 * milliseconds) / kernelsPerSubmit,
    kernelsPerStep,
    kernelsPerSubmit,
  };
}

/** Until the call returns, which is when everything is submitted; it is waited for afterwards. */
async function submitMilliseconds(
  recording: Recording,
  chunk: Chunk,
  steps: number,
): Promise<number> {
  recording.rewind(chunk);
  await recording.finish();
  const began = performance.now();
  const running = chunk.executable.run(steps);
  const milliseconds = performance.now() - began;
  await running;
  await recording.finish();
  return milliseconds;
}
