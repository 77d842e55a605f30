/* A browser that looks only now and then whether the GPU has finished, as Firefox does. */
import { expect, it } from 'vitest';
import { syntheticDigits } from '../../../../src/data/synthetic/synthetic-digits.js';
import type { Backend } from '../../../../src/numerics/backend.js';
import { RECIPES } from '../../../../src/recipes.js';
import { recipeTrainer } from '../../../../src/train-recipe.js';
import type { Trainer } from '../../../../src/training/trainer.js';
import { describeWithGpu } from '../../../webgpu.js';
import { open } from '../open-gpu.js';
import { slowPolls } from './slow-polls.js';

/** Milliseconds between two looks at the GPU: four times those of Firefox, for busy machines. */
const INTERVAL = 400;

const digits = syntheticDigits({ trainSize: 640, testSize: 1 });
const row = digits.test.inputs;

/** A trainer on a backend whose GPU is looked at every 400 ms; its step is compiled. */
async function openSlowly(atSubmissions = false) {
  const { gpu, backend } = await open();
  slowPolls(gpu, INTERVAL, atSubmissions);
  const trainer = recipeTrainer(RECIPES.softmax, { backend });
  await trainer.fit(digits.train, { epochs: 1, onStep: () => false });
  return { backend, trainer };
}

const CALLS: Readonly<Record<string, (trainer: Trainer, backend: Backend) => Promise<unknown>>> = {
  predict: (trainer) => trainer.predict(row),
  gradients: (trainer) => trainer.gradients(row, [3]),
  state: (trainer) => trainer.state(),
  matmul: (_, backend) => backend.matmul([1, 2], [3, 4], { m: 1, n: 1, k: 2 }),
};

describeWithGpu('a browser that looks at the GPU every 400 ms', () => {
  it.each(Object.entries(CALLS))('answers five calls of %s after one look', async (_, call) => {
    const { trainer, backend } = await openSlowly();
    await call(trainer, backend);
    // The call before ended at a look, so these take a whole interval, but not two.
    const began = performance.now();
    await Promise.all(Array.from({ length: 5 }, () => call(trainer, backend)));
    expect(performance.now() - began).toBeLessThan(1.9 * INTERVAL);
    await backend.close();
  });

  it('is known to answer late, unless it also looks at each submission', async () => {
    const late = await openSlowly();
    expect(late.backend.runtime.wait).toBeGreaterThan(0.9 * INTERVAL);
    await late.backend.close();
    const prompt = await openSlowly(true);
    expect(prompt.backend.runtime.wait).toBeLessThan(0.5 * INTERVAL);
    await prompt.trainer.predict(row);
    const began = performance.now();
    await prompt.trainer.predict(row);
    expect(performance.now() - began).toBeLessThan(0.9 * INTERVAL);
    await prompt.backend.close();
  });
});
