import type { Backend } from './backends/backend.js';
import type { Dataset, Splits } from './data/dataset.js';
import { noisyLine, noisyParabola } from './data/regression.js';
import { oneAgainstRest, selectClasses } from './data/subset.js';
import { DataError } from './errors.js';
import { relu } from './layers/activations.js';
import type { Layer } from './layers/layer.js';
import { linear } from './layers/linear.js';
import { sequential } from './layers/sequential.js';
import type { Evaluation, History } from './training/history.js';
import {
  binaryCrossEntropy,
  type Loss,
  mnistLoss,
  softmaxCrossEntropy,
  squaredError,
} from './training/losses.js';
import { type Optimizer, sgd } from './training/optimizers.js';
import { constant, cosine } from './training/schedules.js';
import { type FitOptions, Trainer } from './training/trainer.js';

/** A model with the settings that train it well, as one of the "from scratch" write-ups has it. */
export interface Recipe {
  readonly name: RecipeName;
  /** What it learns, in one line. */
  readonly title: string;
  /** `digits` take the splits of `loadMnist` or `syntheticDigits`; `points` make their own. */
  readonly data: 'digits' | 'points';
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** A new model, with weights that a trainer draws. */
  model(): Layer;
  loss(): Loss;
  optimizer(learningRate: number): Optimizer;
  /** The splits to train and validate on, from all digits, or from the seed for points. */
  prepare(digits: Splits | undefined, seed: number): Splits;
}

export const RECIPE_NAMES = [
  'line',
  'parabola',
  'three-seven-linear',
  'three-seven-mlp',
  'nine-or-not',
  'softmax',
  'mlp',
  'mlp-deep',
] as const;
export type RecipeName = (typeof RECIPE_NAMES)[number];

const decaying = (rate: number) => sgd({ learningRate: cosine({ rate }) });
const steady = (rate: number) => sgd({ learningRate: constant(rate) });

/** Every recipe by name. Accuracies and times are in the README. */
export const RECIPES: Readonly<Record<RecipeName, Recipe>> = {
  line: {
    name: 'line',
    title: 'y = mx + b through 100 noisy points of y = 2x + 1',
    data: 'points',
    epochs: 50,
    batchSize: 100,
    // The summed loss has a gradient a hundred times the mean's, hence the small rate.
    learningRate: 0.004,
    model: () => sequential(linear(1, 1)),
    loss: () => squaredError({ reduction: 'sum' }),
    optimizer: steady,
    prepare: (_, seed) => onItself(noisyLine({ seed })),
  },
  parabola: {
    name: 'parabola',
    title: 'at² + bt + c through 20 noisy points of 3t² + 2t + 1',
    data: 'points',
    epochs: 500,
    batchSize: 20,
    learningRate: 0.1,
    model: () => sequential(linear(2, 1)),
    loss: () => squaredError(),
    optimizer: steady,
    prepare: (_, seed) => onItself(noisyParabola({ seed })),
  },
  'three-seven-linear': {
    name: 'three-seven-linear',
    title: 'digit 3 against 7 by one linear unit',
    data: 'digits',
    epochs: 20,
    batchSize: 256,
    learningRate: 1,
    model: () => sequential(linear(784, 1)),
    loss: mnistLoss,
    optimizer: steady,
    prepare: (digits) => both(digits, (split) => selectClasses(split, [3, 7])),
  },
  'three-seven-mlp': {
    name: 'three-seven-mlp',
    title: 'digit 3 against 7 by a network with 30 hidden units',
    data: 'digits',
    epochs: 40,
    batchSize: 256,
    learningRate: 0.1,
    model: () => sequential(linear(784, 30), relu(), linear(30, 1)),
    loss: mnistLoss,
    optimizer: steady,
    prepare: (digits) => both(digits, (split) => selectClasses(split, [3, 7])),
  },
  'nine-or-not': {
    name: 'nine-or-not',
    title: 'digit 9 against all others by logistic regression',
    data: 'digits',
    epochs: 10,
    batchSize: 64,
    learningRate: 0.1,
    model: () => sequential(linear(784, 1)),
    loss: binaryCrossEntropy,
    optimizer: decaying,
    prepare: (digits) => both(digits, (split) => oneAgainstRest(split, 9)),
  },
  softmax: {
    name: 'softmax',
    title: 'all digits by softmax regression',
    data: 'digits',
    epochs: 10,
    batchSize: 64,
    learningRate: 0.1,
    model: () => sequential(linear(784, 10)),
    loss: softmaxCrossEntropy,
    optimizer: decaying,
    prepare: (digits) => both(digits, (split) => split),
  },
  mlp: {
    name: 'mlp',
    title: 'all digits by a network with 30 hidden units',
    data: 'digits',
    epochs: 10,
    batchSize: 64,
    learningRate: 0.1,
    model: () => sequential(linear(784, 30), relu(), linear(30, 10)),
    loss: softmaxCrossEntropy,
    optimizer: decaying,
    prepare: (digits) => both(digits, (split) => split),
  },
  'mlp-deep': {
    name: 'mlp-deep',
    title: 'all digits by a network with two hidden layers of 100 units',
    data: 'digits',
    epochs: 10,
    batchSize: 32,
    learningRate: 0.1,
    model: () => sequential(linear(784, 100), relu(), linear(100, 100), relu(), linear(100, 10)),
    loss: softmaxCrossEntropy,
    optimizer: decaying,
    prepare: (digits) => both(digits, (split) => split),
  },
};

/**
 * The recipe of that name.
 *
 * @throws RangeError for a name that no recipe has
 */
export function recipeOf(name: string): Recipe {
  const recipe = RECIPE_NAMES.find((known) => known === name);
  if (!recipe) {
    throw new RangeError(`recipe: expected ${RECIPE_NAMES.join(', ')}, got ${name}`);
  }
  return RECIPES[recipe];
}

export interface RecipeOptions extends Partial<Omit<FitOptions, 'validation' | 'validationSplit'>> {
  readonly backend: Backend;
  /** What `loadMnist` or `syntheticDigits` gives; recipes on points make their own. */
  readonly data?: Splits;
  readonly batchSize?: number;
  /** The schedule's highest rate. */
  readonly learningRate?: number;
  readonly seed?: number;
}

export interface RecipeResult {
  readonly trainer: Trainer;
  readonly history: History;
  /** On the test split, after the last epoch. */
  readonly evaluation: Evaluation;
}

/**
 * Trains a recipe with its own settings, or with others where options say so.
 *
 * @throws RangeError for an unknown recipe, DataError when it needs digits and gets none; and as
 *   `Trainer.fit` does
 * @example const { evaluation } = await train('mlp', { backend, data: await loadMnist() });
 */
export async function train(name: RecipeName, options: RecipeOptions): Promise<RecipeResult> {
  const recipe = recipeOf(name);
  const { seed = 0, epochs = recipe.epochs } = options;
  const splits = recipe.prepare(options.data, seed);
  const trainer = recipeTrainer(recipe, options);
  const history = await trainer.fit(splits.train, { ...options, epochs, validation: splits.test });
  return { trainer, history, evaluation: await trainer.evaluate(splits.test) };
}

/** A trainer with a recipe's settings, or with others where options say so. */
export function recipeTrainer(
  recipe: Recipe,
  options: Pick<RecipeOptions, 'backend' | 'batchSize' | 'learningRate' | 'seed'>,
): Trainer {
  const { batchSize = recipe.batchSize, learningRate = recipe.learningRate, seed = 0 } = options;
  return new Trainer(options.backend, {
    model: recipe.model(),
    loss: recipe.loss(),
    optimizer: recipe.optimizer(learningRate),
    batchSize,
    seed,
  });
}

function both(digits: Splits | undefined, prepare: (split: Dataset) => Dataset): Splits {
  if (!digits) {
    throw new DataError(
      'recipe: expected digits as data, got none; give it what loadMnist or syntheticDigits returns',
    );
  }
  return { train: prepare(digits.train), test: prepare(digits.test) };
}

/** A fit is judged by the very points it goes through. */
function onItself(points: Dataset): Splits {
  return { train: points, test: points };
}
