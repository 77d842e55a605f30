import { Backend } from '../src/backends/backend.js';
import type { Splits } from '../src/data/dataset.js';
import type { Recipe } from '../src/recipes.js';
import { recipeTrainer } from '../src/train-recipe.js';
import { type Contender, identify } from './contender.js';
import { type Chunk, Recording } from './recording.js';
import type { BenchResult, Overhead } from './result.js';
import { someBatches } from './train.js';

/** Steps per submission: enough that what a submission costs by itself weighs little. */
const STEPS = 20;
/** Submissions before which V8 may still be compiling the encoder's loop. */
const WARM_UP = 5;

/**
 * Times what a GPU's kernels cost the CPU: encoding and submitting a chunk of training steps, over
 * the kernels in it. Only the call itself is timed, on the thread that makes it: what the GPU does
 * meanwhile does not count, be it one in software.
 *
 * @returns nothing for backends that start no kernels
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
      results.push({ op: 'overhead', shape, ...identify(contender), overhead, verified: true });
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
  await trainer.fit(someBatches(recipe, digits, 1 + STEPS), { epochs: 1 });
  // The first run, of one step, comes with the dataset, which is nothing to write down each time.
  const chunk = recording.chunks[1];
  const kernelsPerStep = chunk?.executable.kernels;
  if (!chunk || kernelsPerStep === undefined) return undefined;
  const kernelsPerSubmit = kernelsPerStep * STEPS;
  const submit = () => submitMilliseconds(recording, chunk);
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
async function submitMilliseconds(recording: Recording, chunk: Chunk): Promise<number> {
  recording.rewind(chunk);
  await recording.finish();
  const began = performance.now();
  const running = chunk.executable.run(STEPS);
  const milliseconds = performance.now() - began;
  await running;
  await recording.finish();
  return milliseconds;
}
