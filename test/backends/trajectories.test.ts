/* Whole runs: with the same seed, the losses on a GPU equal those on the CPU up to rounding. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { loadMnist } from '../../src/data/mnist.js';
import { take } from '../../src/data/subset.js';
import { syntheticDigits } from '../../src/data/synthetic/synthetic-digits.js';
import type { Backend } from '../../src/numerics/backend.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { RECIPES, type RecipeName } from '../../src/recipes.js';
import { recipeTrainer } from '../../src/train-recipe.js';
import { softmaxCrossEntropy } from '../../src/training/losses/softmax-cross-entropy.js';
import { sgd } from '../../src/training/optimizers/sgd.js';
import { Trainer } from '../../src/training/trainer.js';
import { residualNetwork } from '../networks.js';
import { expectClose } from '../values.js';
import { describeWithGpu } from '../webgpu.js';

/** A training run with the same initial weights and order of batches on any backend. */
interface Run {
  trainerOn(backend: Backend): Trainer;
  /** One whole batch per step. */
  readonly data: Dataset;
}

function runOf(recipe: RecipeName, batchSize: number, data: Dataset): Run {
  const settings = { batchSize, seed: 7 };
  return { trainerOn: (backend) => recipeTrainer(RECIPES[recipe], { backend, ...settings }), data };
}

/** The loss of every step of one epoch. */
async function lossesOf(backend: Backend, { trainerOn, data }: Run): Promise<number[]> {
  const losses: number[] = [];
  await trainerOn(backend).fit(data, {
    epochs: 1,
    onStep: ({ loss }) => {
      losses.push(loss);
    },
  });
  return losses;
}

function digits(count: number): Dataset {
  return syntheticDigits({ trainSize: count, testSize: 1 }).train;
}

/** MNIST's training split, or the reason why it is missing. */
async function findMnist(): Promise<Dataset | string> {
  try {
    return (await loadMnist({ download: false })).train;
  } catch (error) {
    return (error as Error).message;
  }
}

const mnist = await findMnist();

describeWithGpu('the webgpu backend has the losses of the wasm backend with the same seed', () => {
  let webgpu: Backend;
  let wasm: Backend;

  beforeAll(async () => {
    webgpu = await createBackend('webgpu');
    wasm = await createBackend('wasm', { threads: 1 });
  });
  afterAll(async () => {
    await webgpu.close();
    await wasm.close();
  });

  async function expectSameLosses(run: Run, steps: number): Promise<void> {
    const [got, want] = [await lossesOf(webgpu, run), await lossesOf(wasm, run)];
    expect(want).toHaveLength(steps);
    expectClose('losses', got, want, { relative: 1e-4 });
  }

  it('for 30 steps of mlp', async () => {
    await expectSameLosses(runOf('mlp', 64, digits(30 * 64)), 30);
  });

  it('for 30 steps of conv, with its dropout', async () => {
    await expectSameLosses(runOf('conv', 4, digits(30 * 4)), 30);
  });

  it('for 5 steps of a residual network, with its batch norm', async () => {
    const trainerOn = (backend: Backend) =>
      new Trainer(backend, {
        model: residualNetwork({ channels: 1, height: 28, width: 28 }),
        loss: softmaxCrossEntropy(),
        // Adam would turn gradients that are only rounding errors, which differ, into full steps.
        optimizer: sgd({ learningRate: 0.1 }),
        batchSize: 8,
        seed: 7,
      });
    await expectSameLosses({ trainerOn, data: digits(5 * 8) }, 5);
  });

  const title = 'for 50 steps of mlp on MNIST';
  if (typeof mnist === 'string') it.skip(`${title} (${mnist})`, () => {});
  else {
    it(title, async () => {
      await expectSameLosses(runOf('mlp', 64, take(mnist, 50 * 64)), 50);
    });
  }
});
