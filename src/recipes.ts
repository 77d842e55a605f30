import type { Dataset, Splits } from './data/dataset.js';
import { oneAgainstRest, selectClasses } from './data/subset.js';
import { noisyLine, noisyParabola } from './data/synthetic/regression.js';
import { DataError, shown } from './errors.js';
import { relu } from './layers/activations/relu.js';
import { onImages } from './layers/containers/on-images.js';
import { resnet18 } from './layers/containers/resnet18.js';
import { sequential } from './layers/containers/sequential.js';
import { conv2d } from './layers/conv2d.js';
import { dropout } from './layers/dropout.js';
import { flatten } from './layers/flatten.js';
import type { Layer } from './layers/layer.js';
import { linear } from './layers/linear.js';
import { maxPool2d } from './layers/pooling.js';
import { didYouMean, expectKind, expectMade } from './options.js';
import { RECIPE_NAMES, type Recipe, type RecipeName } from './recipe.js';
import { binaryCrossEntropy } from './training/losses/binary-cross-entropy.js';
import { mnistLoss } from './training/losses/mnist-loss.js';
import { softmaxCrossEntropy } from './training/losses/softmax-cross-entropy.js';
import { squaredError } from './training/losses/squared-error.js';
import { adam } from './training/optimizers/adam.js';
import { sgd } from './training/optimizers/sgd.js';
import { constant, cosine, oneCycle } from './training/schedules.js';

export { RECIPE_NAMES, type Recipe, type RecipeName } from './recipe.js';

type DigitsSettings = Omit<
  Recipe,
  'data' | 'digits' | 'classNames' | 'model' | 'loss' | 'prepare' | 'on'
> & {
  model(classes: number): Layer;
};

/** The digits 0 … 9. */
export const ALL_DIGITS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/** Shape of an MNIST image. */
const DIGIT = { channels: 1, height: 28, width: 28 };

const decayingSgd = (rate: number) => sgd({ learningRate: cosine({ rate }) });
const constantSgd = (rate: number) => sgd({ learningRate: constant(rate) });

/** All recipes by name. The README lists their accuracies and times. */
export const RECIPES: Readonly<Record<RecipeName, Recipe>> = {
  line: {
    name: 'line',
    title: 'y = mx + b through 100 noisy points of y = 2x + 1',
    data: 'points',
    classNames: [],
    epochs: 50,
    batchSize: 100,
    // The loss is a sum over 100 points, so its gradient is 100 times that of the mean.
    learningRate: 0.004,
    model: () => sequential(linear(1, 1)),
    loss: () => squaredError({ reduction: 'sum' }),
    optimizer: constantSgd,
    prepare: (_, seed) => onItself(noisyLine({ seed })),
  },
  parabola: {
    name: 'parabola',
    title: 'at² + bt + c through 20 noisy points of 3t² + 2t + 1',
    data: 'points',
    classNames: [],
    epochs: 500,
    batchSize: 20,
    learningRate: 0.1,
    model: () => sequential(linear(2, 1)),
    loss: () => squaredError(),
    optimizer: constantSgd,
    prepare: (_, seed) => onItself(noisyParabola({ seed })),
  },
  'three-seven-linear': {
    name: 'three-seven-linear',
    title: 'digit 3 against 7 by one linear unit',
    data: 'digits',
    classNames: digitNames([3, 7]),
    epochs: 20,
    batchSize: 256,
    learningRate: 1,
    model: () => sequential(linear(784, 1)),
    loss: mnistLoss,
    optimizer: constantSgd,
    prepare: (digits) => both(digits, (split) => selectClasses(split, [3, 7])),
  },
  'three-seven-mlp': {
    name: 'three-seven-mlp',
    title: 'digit 3 against 7 by a network with 30 hidden units',
    data: 'digits',
    classNames: digitNames([3, 7]),
    epochs: 40,
    batchSize: 256,
    learningRate: 0.1,
    model: () => sequential(linear(784, 30), relu(), linear(30, 1)),
    loss: mnistLoss,
    optimizer: constantSgd,
    prepare: (digits) => both(digits, (split) => selectClasses(split, [3, 7])),
  },
  'nine-or-not': {
    name: 'nine-or-not',
    title: 'digit 9 against all others by logistic regression',
    data: 'digits',
    classNames: ['not 9', '9'],
    epochs: 10,
    batchSize: 64,
    learningRate: 0.1,
    model: () => sequential(linear(784, 1)),
    loss: binaryCrossEntropy,
    optimizer: decayingSgd,
    prepare: (digits) => both(digits, (split) => oneAgainstRest(split, 9)),
  },
  softmax: digitsRecipe({
    name: 'softmax',
    title: 'softmax regression',
    epochs: 10,
    batchSize: 64,
    learningRate: 0.1,
    model: (classes) => sequential(linear(784, classes)),
    optimizer: decayingSgd,
  }),
  mlp: digitsRecipe({
    name: 'mlp',
    title: 'a network with 30 hidden units',
    epochs: 10,
    batchSize: 64,
    learningRate: 0.1,
    model: (classes) => sequential(linear(784, 30), relu(), linear(30, classes)),
    optimizer: decayingSgd,
  }),
  'mlp-deep': digitsRecipe({
    name: 'mlp-deep',
    title: 'a network with two hidden layers of 100 units',
    epochs: 10,
    batchSize: 32,
    learningRate: 0.1,
    model: (classes) =>
      sequential(linear(784, 100), relu(), linear(100, 100), relu(), linear(100, classes)),
    optimizer: decayingSgd,
  }),
  conv: digitsRecipe({
    name: 'conv',
    title: 'two convolutions with max pooling and dropout',
    epochs: 10,
    batchSize: 32,
    learningRate: 0.1,
    model: (classes) =>
      onImages(
        DIGIT,
        sequential(
          conv2d(1, 32, 3),
          relu(),
          maxPool2d(2),
          dropout(0.25),
          conv2d(32, 64, 3),
          relu(),
          maxPool2d(2),
          dropout(0.5),
          flatten(),
          linear(1600, 128),
          relu(),
          linear(128, classes),
        ),
      ),
    optimizer: decayingSgd,
  }),
  'conv-fast': digitsRecipe({
    name: 'conv-fast',
    title: 'two convolutions, trained for a single epoch',
    epochs: 1,
    batchSize: 256,
    learningRate: 0.01,
    shuffle: false,
    model: (classes) =>
      onImages(
        DIGIT,
        sequential(
          conv2d(1, 24, 5),
          maxPool2d(2),
          relu(),
          conv2d(24, 32, 3),
          maxPool2d(2),
          relu(),
          flatten(),
          linear(800, 256),
          relu(),
          linear(256, classes),
        ),
      ),
    // Source: the settings of https://github.com/tuomaso/train_mnist_fast.
    optimizer: (maximum) => adam({ learningRate: oneCycle({ maximum }), betas: [0.7, 0.9] }),
  }),
  resnet18: digitsRecipe({
    name: 'resnet18',
    title: 'ResNet-18',
    epochs: 3,
    batchSize: 64,
    learningRate: 0.01,
    model: (classes) => onImages(DIGIT, resnet18({ channels: 1, classes })),
    optimizer: (maximum) => adam({ learningRate: oneCycle({ maximum }) }),
  }),
};

/** A recipe that classifies digits with softmax cross-entropy. */
function digitsRecipe(settings: DigitsSettings, digits: readonly number[] = ALL_DIGITS): Recipe {
  const areAll = digits === ALL_DIGITS;
  return {
    ...settings,
    title: `${areAll ? 'all digits' : `digits ${digits.join(', ')}`} by ${settings.title}`,
    data: 'digits',
    digits,
    classNames: digitNames(digits),
    model: () => settings.model(digits.length),
    loss: softmaxCrossEntropy,
    prepare: (splits) => both(splits, (split) => (areAll ? split : selectClasses(split, digits))),
    on: (others) => digitsRecipe(settings, others),
  };
}

/** Names of digits in the order of their labels. Of two digits, `selectClasses` makes the first class 1. */
export function digitNames(digits: readonly number[]): string[] {
  const names = digits.map(String);
  return names.length === 2 ? names.reverse() : names;
}

/** Whether a value is a list of at least two different digits 0 … 9. */
export function areDigits(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 2) return false;
  return value.every((digit) => ALL_DIGITS.includes(digit)) && new Set(value).size === value.length;
}

/**
 * Adapts a recipe on all digits to some of them.
 *
 * @param digits at least two different digits 0 … 9, in the order of their class numbers; with
 *   exactly two, the first becomes class 1 and the second class 0
 * @throws RangeError for a recipe with a fixed task, or an invalid list of digits
 * @example recipeOn(RECIPES.resnet18, [3, 7])
 */
export function recipeOn(recipe: Recipe, digits: readonly number[]): Recipe {
  expectMade('recipeOn', 'the recipe', recipe, 'prepare', 'a recipe such as RECIPES.mlp');
  expectKind('recipeOn', 'digits', digits, 'array');
  if (!recipe.on) {
    throw new RangeError(
      `recipe: expected a recipe on all digits to choose digits ${digits.join(', ')} for, got ${recipe.name}`,
    );
  }
  if (!areDigits(digits)) {
    throw new RangeError(
      `recipe: expected at least two different digits, such as 3 and 7, got ${digits.map(shown).join(', ') || 'none'}`,
    );
  }
  return recipe.on([...digits]);
}

/**
 * Looks up a recipe by name.
 *
 * @throws RangeError for an unknown name
 */
export function recipeOf(name: string): Recipe {
  const recipe = RECIPE_NAMES.find((known) => known === name);
  if (!recipe) {
    const hint = didYouMean(String(name), RECIPE_NAMES);
    throw new RangeError(`recipe: expected ${RECIPE_NAMES.join(', ')}, got ${shown(name)}${hint}`);
  }
  return RECIPES[recipe];
}

function both(digits: Splits | undefined, prepare: (split: Dataset) => Dataset): Splits {
  if (!digits) {
    throw new DataError(
      'recipe: expected digits as data, got none; pass the result of loadMnist or syntheticDigits',
    );
  }
  return { train: prepare(digits.train), test: prepare(digits.test) };
}

/** Evaluates a curve on the points that it was fitted to. */
function onItself(points: Dataset): Splits {
  return { train: points, test: points };
}
