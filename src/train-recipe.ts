import { expectDataset, type Splits } from './data/dataset.js';
import type { Backend } from './numerics/backend.js';
import { expectOptions, type Kinds } from './options.js';
import { type Recipe, type RecipeName, recipeOf, recipeOn } from './recipes.js';
import type { Evaluation, History } from './training/history.js';
import { Trainer } from './training/trainer.js';
import { FIT_OPTIONS, type FitOptions } from './training/trainer-options.js';

/** Options of `train`: those of `fit`, which are the recipe's by default, and the following. */
export interface RecipeOptions
  extends Omit<FitOptions, 'epochs' | 'validation' | 'validationSplit'> {
  /** Passes over the training data; the recipe's by default. */
  readonly epochs?: number | undefined;
  /** The backend to train on. It stays open. */
  readonly backend: Backend;
  /**
   * Digits from `loadMnist` or `syntheticDigits`; recipes with `data: 'points'` generate their own.
   */
  readonly data?: Splits | undefined;
  /** Examples per update; the recipe's by default. */
  readonly batchSize?: number | undefined;
  /** Highest learning rate of the recipe's schedule; the recipe's by default. */
  readonly learningRate?: number | undefined;
  /** Determines weights, shuffles, dropout and generated points: an integer, 0 by default. */
  readonly seed?: number | undefined;
  /** Digits to classify, for recipes on all digits (see `recipeOn`); all ten by default. */
  readonly digits?: readonly number[] | undefined;
}

const { validation: _, validationSplit: __, ...FIT_KINDS } = FIT_OPTIONS;

/** The kinds of the options of `train`, for `expectOptions`. */
const OPTIONS: Kinds<RecipeOptions> = {
  ...FIT_KINDS,
  backend: 'object',
  data: 'object',
  batchSize: 'any',
  learningRate: 'number',
  seed: 'any',
  digits: 'array',
};

/** The result of `train`. */
export interface RecipeResult {
  /** The trained model. */
  readonly trainer: Trainer;
  /** Losses, metrics and times of every epoch. */
  readonly history: History;
  /** Metrics on the test split after the last epoch. */
  readonly evaluation: Evaluation;
}

/**
 * Trains a recipe on its training split and evaluates it on its test split. Options replace the
 * recipe's settings.
 *
 * @throws RangeError for an unknown recipe, or digits that it does not accept
 * @throws DataError when the recipe needs digits and `data` is missing
 * @throws ShapeError, DataError or TrainingError as `Trainer.fit` does
 * @example const { evaluation } = await train('mlp', { backend, data: await loadMnist() });
 */
export async function train(name: RecipeName, options: RecipeOptions): Promise<RecipeResult> {
  expectOptions('train', options, OPTIONS);
  const { backend: _, batchSize: __, learningRate: ___, ...rest } = options;
  const { data, seed = 0, digits, ...fitOptions } = rest;
  const recipe = digits ? recipeOn(recipeOf(name), digits) : recipeOf(name);
  const { epochs = recipe.epochs, shuffle = recipe.shuffle ?? true } = options;
  if (data !== undefined) {
    expectDataset('train', data.train);
    expectDataset('train', data.test);
  }
  const splits = recipe.prepare(data, seed);
  const trainer = recipeTrainer(recipe, options);
  const settings = { ...fitOptions, epochs, shuffle, validation: splits.test };
  const history = await trainer.fit(splits.train, settings);
  return { trainer, history, evaluation: await trainer.evaluate(splits.test) };
}

/** Creates a trainer with a recipe's settings; options replace them. */
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
