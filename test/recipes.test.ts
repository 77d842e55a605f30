import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  loadMnist,
  noisyLine,
  noisyParabola,
  selectClasses,
  syntheticDigits,
  validateDataset,
} from '../src/data/index.js';
import {
  createBackend,
  DataError,
  type Dataset,
  type Evaluation,
  RECIPE_NAMES,
  RECIPES,
  type RecipeName,
  type Splits,
  train,
} from '../src/index.js';
import { type Recipe, recipeOf, recipeOn } from '../src/recipes.js';
import { recipeTrainer } from '../src/train-recipe.js';
import { expectSameState } from './training/fixtures.js';
import { expectClose } from './values.js';

// One thread, because other tests run in parallel; the number of threads does not change results.
const backend = await createBackend('wasm', { threads: 1 });
const digits = syntheticDigits({ trainSize: 2000, testSize: 500 });

describe('the line and parabola recipes', () => {
  it.each([
    ['line', noisyLine(), 1e-3],
    ['parabola', noisyParabola(), 1e-2],
  ] as const)('%s finds the least-squares fit of its points', async (name, points, absolute) => {
    const { trainer, evaluation } = await train(name, { backend });
    const state = await trainer.state();
    const got = [...(state.get('0.weight')?.data ?? []), ...(state.get('0.bias')?.data ?? [])];
    const want = leastSquares(points);
    expectClose('weights and bias', got, want, { absolute });
    const squares = residuals(points, want).map((residual) => residual ** 2);
    const sum = squares.reduce((a, b) => a + b);
    const loss = name === 'line' ? sum : sum / points.size;
    expectClose('loss', [evaluation.loss], [loss], { relative: 1e-3 });
  });

  it('draw other points for another seed', async () => {
    const [a, b] = [
      await train('line', { backend, epochs: 1 }),
      await train('line', { backend, epochs: 1, seed: 1 }),
    ];
    expect(a.evaluation.loss).not.toBe(b.evaluation.loss);
  });
});

describe('recipes on synthetic digits', () => {
  // A tenth of the digits and three epochs suffice to see that a recipe learns. The accuracy of
  // guessing is a half, a tenth, or nine tenths.
  it.each<[RecipeName, keyof Evaluation, number]>([
    ['three-seven-linear', 'accuracy', 0.85],
    ['three-seven-mlp', 'accuracy', 0.85],
    ['nine-or-not', 'balancedAccuracy', 0.7],
    ['softmax', 'accuracy', 0.75],
    ['mlp', 'accuracy', 0.75],
    ['mlp-deep', 'accuracy', 0.75],
    ['conv', 'accuracy', 0.85],
    ['conv-fast', 'accuracy', 0.85],
  ])('%s learns', async (name, measure, least) => {
    const { history, evaluation } = await train(name, { backend, data: digits, epochs: 3 });
    expect(history.epochs).toHaveLength(3);
    expect(history.epochs[2].trainLoss).toBeLessThan(0.75 * history.epochs[0].trainLoss);
    expect(history.epochs[2].validLoss).toBe(evaluation.loss);
    expect(evaluation[measure]).toBeGreaterThan(least);
  });

  it('resnet18 memorises a few digits', async () => {
    const few = syntheticDigits({ trainSize: 64, testSize: 20 });
    const settings = { epochs: 3, batchSize: 32, learningRate: 1e-3 };
    const { history, evaluation } = await train('resnet18', { backend, data: few, ...settings });
    const [first, , last] = history.epochs;
    expect(first.trainLoss).toBeGreaterThan(1.5);
    expect(last.trainLoss).toBeLessThan(0.5);
    // Predictions are not checked: after six steps the running statistics lag far behind.
    expect(last.validLoss).toBe(evaluation.loss);
  });
});

const MNIST =
  process.env.HANDGRAD_MNIST || fileURLToPath(new URL('../../shared/mnist', import.meta.url));
// Files named by HANDGRAD_MNIST must exist; those beside the repository are optional.
const hasMnist = process.env.HANDGRAD_MNIST !== undefined || existsSync(MNIST);

describe.skipIf(!hasMnist)(
  hasMnist
    ? 'recipes on MNIST, with their own settings and seed 0'
    : 'recipes on MNIST (needs HANDGRAD_MNIST, or ../shared/mnist beside the repository)',
  () => {
    let mnist: Promise<Splits> | undefined;

    it.each<[RecipeName, Partial<Record<keyof Evaluation, number>>]>([
      ['three-seven-linear', { accuracy: 0.98 }],
      ['three-seven-mlp', { accuracy: 0.983 }],
      ['nine-or-not', { accuracy: 0.963, balancedAccuracy: 0.86 }],
      ['softmax', { accuracy: 0.922 }],
      ['mlp', { accuracy: 0.967 }],
      ['mlp-deep', { accuracy: 0.978 }],
      ['conv-fast', { accuracy: 0.987 }],
    ])(
      '%s reaches its known accuracy',
      async (name, least) => {
        mnist ??= loadMnist({ directory: MNIST });
        const { history, evaluation } = await train(name, { backend, data: await mnist });
        expect(history.epochs).toHaveLength(RECIPES[name].epochs);
        for (const [measure, value] of Object.entries(least)) {
          const reached = evaluation[measure as keyof Evaluation];
          expect(reached, measure).toBeGreaterThanOrEqual(value);
        }
      },
      120_000,
    );
  },
);

describe('a recipe', () => {
  it.each(RECIPE_NAMES)('%s has the name of its entry, and data that fits its model', (name) => {
    const recipe = recipeOf(name);
    expect(recipe.name).toBe(name);
    const { train: training, test } = recipe.prepare(
      recipe.data === 'digits' ? digits : undefined,
      0,
    );
    validateDataset(training);
    validateDataset(test);
    expect(recipe.model().input).toEqual({ features: training.features });
    expect(recipe.batchSize).toBeLessThanOrEqual(training.size);
  });

  it('creates a new model on each call', () => {
    for (const name of RECIPE_NAMES) {
      const settings = { backend };
      recipeTrainer(RECIPES[name], settings);
      recipeTrainer(RECIPES[name], settings);
    }
  });

  it('labels the digit 9 as positive for nine-or-not', () => {
    const nine = RECIPES['nine-or-not'].prepare(digits, 0).test;
    expect(nine.targets).toEqual(digits.test.targets.map((digit) => (digit === 9 ? 1 : 0)));
    const three = RECIPES['three-seven-linear'].prepare(digits, 0).test;
    const wanted = digits.test.targets.filter((digit) => digit === 3 || digit === 7);
    expect(three.targets).toEqual(wanted.map((digit) => (digit === 3 ? 1 : 0)));
  });

  it('trains with settings from the options', async () => {
    const steps: number[] = [];
    const { trainer, history } = await train('softmax', {
      backend,
      data: digits,
      epochs: 2,
      batchSize: 500,
      learningRate: 0.5,
      seed: 3,
      onStep: ({ learningRate }) => steps.push(learningRate),
    });
    expect([trainer.batchSize, trainer.seed, history.epochs.length]).toEqual([500, 3, 2]);
    // A cosine from 0.5 over 8 steps.
    const want = Array.from({ length: 8 }, (_, t) => 0.25 * (1 + Math.cos((Math.PI * t) / 8)));
    expectClose('learning rates', steps, want, { relative: 1e-12 });
  });

  it('trains like a trainer with the same settings', async () => {
    const { trainer } = await train('mlp', { backend, data: digits, epochs: 1 });
    const other = recipeTrainer(RECIPES.mlp, { backend });
    await other.fit(digits.train, { epochs: 1 });
    expectSameState(await trainer.state(), await other.state());
  });

  it('rejects an unknown name, and missing digits', async () => {
    await expect(train('perceptron' as RecipeName, { backend })).rejects.toThrow(
      new RangeError(`recipe: expected ${RECIPE_NAMES.join(', ')}, got 'perceptron'`),
    );
    await expect(train('constructor' as RecipeName, { backend })).rejects.toThrow(RangeError);
    await expect(train('mlp', { backend })).rejects.toThrow(
      new DataError(
        'recipe: expected digits as data, got none; pass the result of loadMnist or syntheticDigits',
      ),
    );
  });
});

describe('recipeOn', () => {
  const all = RECIPE_NAMES.filter((name) => RECIPES[name].digits);

  it('adapts every recipe on all digits', () => {
    expect(all).toEqual(['softmax', 'mlp', 'mlp-deep', 'conv', 'conv-fast', 'resnet18']);
    for (const name of all) expect(RECIPES[name].digits).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each(all)('%s has one output per digit, and its own settings', (name) => {
    const recipe = RECIPES[name];
    const chosen = recipeOn(recipe, [3, 7, 1]);
    const outputsOf = (each: Recipe) => each.model().parameters.at(-1)?.size;
    expect([outputsOf(recipe), outputsOf(chosen)]).toEqual([10, 3]);
    const { epochs, batchSize, learningRate, shuffle } = recipe;
    expect(chosen).toMatchObject({ name, data: 'digits', digits: [3, 7, 1] });
    expect(chosen).toMatchObject({ epochs, batchSize, learningRate });
    expect(chosen.shuffle).toBe(shuffle);
    expect(chosen.title).toBe(recipe.title.replace('all digits', 'digits 3, 7, 1'));
  });

  it('labels three digits in the given order, and the first of two 1', () => {
    const { test } = digits;
    const labels = (chosen: readonly number[]) =>
      recipeOn(RECIPES.mlp, chosen).prepare(digits, 0).test.targets;
    const wanted = (chosen: readonly number[]) => test.targets.filter((t) => chosen.includes(t));
    expect(labels([8, 0, 5])).toEqual(wanted([8, 0, 5]).map((digit) => [8, 0, 5].indexOf(digit)));
    expect(labels([3, 7])).toEqual(wanted([3, 7]).map((digit) => (digit === 3 ? 1 : 0)));
    expect(labels([9, 8, 7, 6, 5, 4, 3, 2, 1, 0])).toEqual(test.targets.map((digit) => 9 - digit));
  });

  it('adapts its result again, and copies the list of digits', () => {
    const list = [3, 7];
    const chosen = recipeOn(RECIPES.conv, list);
    list.push(1);
    expect(chosen.digits).toEqual([3, 7]);
    expect(recipeOn(chosen, [1, 2, 4]).digits).toEqual([1, 2, 4]);
    expect(RECIPES.conv.digits).toHaveLength(10);
  });

  it('creates recipes that learn to classify the digits', async () => {
    const settings = { backend, data: digits, epochs: 3, digits: [3, 7] };
    const { trainer, evaluation } = await train('mlp', settings);
    expect((await trainer.state()).get('2.weight')?.shape).toEqual([2, 30]);
    expect(evaluation.accuracy).toBeGreaterThan(0.85);
    const other = recipeTrainer(recipeOn(RECIPES.mlp, [3, 7]), { backend });
    await other.fit(selectClasses(digits.train, [3, 7]), { epochs: 3 });
    expectSameState(await trainer.state(), await other.state());
  });

  it.each([[[]], [[3]], [[3, 3]], [[3, 10]], [[3, -1]], [[1.5, 2]], [[3, Number.NaN]]])(
    'rejects %j',
    async (chosen) => {
      const refusal = new RangeError(
        `recipe: expected at least two different digits, such as 3 and 7, got ${chosen.join(', ') || 'none'}`,
      );
      expect(() => recipeOn(RECIPES.mlp, chosen)).toThrow(refusal);
      const settings = { backend, data: digits, digits: chosen };
      await expect(train('mlp', settings)).rejects.toThrow(refusal);
    },
  );

  it('rejects a recipe with a fixed task', async () => {
    const fixed = RECIPE_NAMES.filter((name) => !all.includes(name));
    for (const name of fixed) {
      const refusal = new RangeError(
        `recipe: expected a recipe on all digits to choose digits 3, 7 for, got ${name}`,
      );
      expect(() => recipeOn(RECIPES[name], [3, 7])).toThrow(refusal);
      await expect(train(name, { backend, data: digits, digits: [3, 7] })).rejects.toThrow(refusal);
    }
  });
});

/** The weights w and then the bias b that minimise Σ (w·x + b − t)², by the normal equations. */
function leastSquares({ inputs, targets, size, features }: Dataset): number[] {
  const n = features + 1;
  const row = (i: number) => [...inputs.subarray(i * features, (i + 1) * features), 1];
  // n rows of [XᵀX | Xᵀt].
  const system = Array.from({ length: n }, () => Array<number>(n + 1).fill(0));
  for (let i = 0; i < size; i++) {
    const x = row(i);
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) system[a][b] += x[a] * x[b];
      system[a][n] += x[a] * targets[i];
    }
  }
  // Gauss-Jordan elimination; XᵀX is positive definite, so no pivot is 0.
  for (let pivot = 0; pivot < n; pivot++) {
    system[pivot] = system[pivot].map((value) => value / system[pivot][pivot]);
    for (let other = 0; other < n; other++) {
      if (other === pivot) continue;
      const factor = system[other][pivot];
      system[other] = system[other].map((value, i) => value - factor * system[pivot][i]);
    }
  }
  return system.map((equation) => equation[n]);
}

/** The residuals w·x + b − t of all points. */
function residuals({ inputs, targets, features }: Dataset, solution: readonly number[]): number[] {
  return Array.from(targets, (target, n) => {
    const x = [...inputs.subarray(n * features, (n + 1) * features), 1];
    return x.reduce((sum, value, i) => sum + value * solution[i], 0) - target;
  });
}
