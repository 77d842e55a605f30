/* A GPU device that is destroyed while the library uses it, as after a driver's reset. */
import { expect, it } from 'vitest';
import { syntheticDigits } from '../../../../src/data/synthetic/synthetic-digits.js';
import type { Backend } from '../../../../src/numerics/backend.js';
import { RECIPES } from '../../../../src/recipes.js';
import { recipeTrainer } from '../../../../src/train-recipe.js';
import type { Checkpoint } from '../../../../src/training/serialization/checkpoint.js';
import type { Trainer } from '../../../../src/training/trainer.js';
import { expectSameBits } from '../../../values.js';
import { describeWithGpu } from '../../../webgpu.js';
import { open } from '../open-gpu.js';

const LOST = /^webgpu: the device was lost \(destroyed\)/;
/** Milliseconds from the loss to the rejection. */
const PROMPT = 1000;

const digits = syntheticDigits({ trainSize: 1920, testSize: 64 });
const { train, test } = digits;
const newTrainer = (backend: Backend) => recipeTrainer(RECIPES.softmax, { backend, seed: 7 });

/** Operations that take longer than the time until the device is destroyed. */
const OPERATIONS: Readonly<Record<string, (trainer: Trainer) => Promise<unknown>>> = {
  fit: (trainer) => trainer.fit(train, { epochs: 1000 }),
  evaluate: (trainer) => repeat(() => trainer.evaluate(train)),
  predict: (trainer) => repeat(() => trainer.predict(test.inputs)),
  'a read': (trainer) => repeat(() => trainer.state()),
  'a checkpoint': (trainer) => repeat(() => trainer.checkpoint()),
};

async function repeat(operation: () => Promise<unknown>): Promise<never> {
  for (;;) await operation();
}

/** Milliseconds until `operation` rejects because its device was lost. */
async function timeToRejection(operation: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await expect(operation).rejects.toThrow(LOST);
  return performance.now() - began;
}

describeWithGpu('a GPU device that is destroyed', () => {
  const moments = Object.keys(OPERATIONS).flatMap((name) =>
    [0, 5, 60].map((delay) => [name, delay] as const),
  );

  it.each(moments)('rejects %s within a second: after %i ms', async (name, delay) => {
    const { gpu, backend } = await open();
    const trainer = newTrainer(backend);
    // Compiles the steps, so that the device is destroyed while it computes.
    await trainer.fit(train, { epochs: 1, validation: test, onStep: () => false });
    await trainer.predict(test.inputs);
    const running = OPERATIONS[name](trainer);
    running.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, delay));
    gpu.destroy();
    expect(await timeToRejection(running)).toBeLessThan(PROMPT);
    expect(await timeToRejection(trainer.predict(test.inputs))).toBeLessThan(PROMPT);
    expect(await timeToRejection(trainer.fit(train, { epochs: 1 }))).toBeLessThan(PROMPT);
    await backend.close();
  });

  it('in fit leaves a checkpoint, from which a new device continues with the same bits', async () => {
    const { gpu, backend } = await open();
    const trainer = newTrainer(backend);
    let checkpoint: Checkpoint | undefined;
    const fitting = trainer.fit(train, {
      epochs: 3,
      async onEpoch() {
        checkpoint ??= await trainer.checkpoint();
      },
      // In the second epoch, with steps in flight.
      onProgress: ({ epoch }) => {
        if (epoch === 2) gpu.destroy();
      },
    });
    await expect(fitting).rejects.toThrow(LOST);
    await backend.close();

    const { backend: next } = await open();
    const [resumed, whole] = [newTrainer(next), newTrainer(next)];
    await resumed.restore(checkpoint as Checkpoint);
    const history = await resumed.fit(train, { epochs: 3, resume: true });
    expect(history.epochs.map(({ epoch }) => epoch)).toEqual([2, 3]);
    await whole.fit(train, { epochs: 3 });
    const got = await resumed.state();
    for (const [name, { data }] of await whole.state()) {
      expectSameBits(name, got.get(name)?.data as Float32Array, data as Float32Array);
    }
    await next.close();
  });
});
