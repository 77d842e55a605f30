import type { Splits } from '../data/dataset.js';
import { Backend } from '../numerics/backend.js';
import type { Recipe } from '../recipes.js';
import { recipeTrainer } from '../train-recipe.js';
import { type Candidate, identify } from './candidate.js';
import { type Chunk, Recording } from './recording.js';
import type { BenchResult, Overhead } from './result.js';
import { someBatches } from './train.js';

/** Most steps per submission: enough that the fixed cost of a submission weighs little. */
const STEPS = 20;
/** Warm-up submissions, after which V8 has compiled the encoder's loop. */
const WARM_UP = 5;

/**
 * Times the CPU cost of a GPU's kernels: encoding and submitting a chunk of training steps, divided
 * by the kernels in it. Only the submitting call is timed, on its own thread; the GPU's execution
 * does not count.
 *
 * @returns no results for backends without GPU kernels, or for recipes with fewer than two batches
 */
export async function benchOverhead(
  candidates: readonly Candidate[],
  recipes: readonly Recipe[],
  digits: Splits,
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const recipe of recipes) {
    for (const candidate of candidates) {
      const overhead = await overheadOf(candidate, recipe, digits, repeat);
      if (!overhead) continue;
      const shape = { recipe: recipe.name, batch: recipe.batchSize };
      results.push({ op: 'overhead', shape, ...identify(candidate), overhead });
    }
  }
  return results;
}

async function overheadOf(
  { backend }: Candidate,
  recipe: Recipe,
  digits: Splits,
  repeat: number,
): Promise<Overhead | undefined> {
  const recording = new Recording(backend.runtime);
  const trainer = recipeTrainer(recipe, { backend: new Backend(recording) });
  const data = someBatches(recipe, digits, 1 + STEPS);
  // Whole batches only: a smaller last batch has a step of its own.
  const steps = Math.floor(data.size / recipe.batchSize) - 1;
  if (steps < 1) return undefined;
  await trainer.fit(data, { epochs: 1 });
  // The first run, of one step, includes the upload of the dataset.
  const chunk = recording.chunks[1];
  const kernelsPerStep = chunk?.executable.kernels;
  if (!chunk || kernelsPerStep === undefined) return undefined;
  const kernelsPerSubmit = kernelsPerStep * steps;
  const submit = () => submitMilliseconds(recording, chunk, steps);
  for (let i = 0; i < WARM_UP; i++) await submit();
  // The minimum, because a software GPU competes with the timed thread for the CPU.
  let milliseconds = Infinity;
  for (let i = 0; i < repeat; i++) milliseconds = Math.min(milliseconds, await submit());
  return {
    microsecondsPerKernel: (1000 * milliseconds) / kernelsPerSubmit,
    kernelsPerStep,
    kernelsPerSubmit,
  };
}

/** Milliseconds until the call returns, when everything is submitted; then waits for the GPU. */
async function submitMilliseconds(
  recording: Recording,
  chunk: Chunk,
  steps: number,
): Promise<number> {
  recording.rewind(chunk);
  await recording.finish();
  const start = performance.now();
  const running = chunk.executable.run(steps);
  const milliseconds = performance.now() - start;
  await running;
  await recording.finish();
  return milliseconds;
}
