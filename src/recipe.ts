import type { Splits } from './data/dataset.js';
import type { Layer } from './layers/layer.js';
import type { Loss } from './training/losses/loss.js';
import type { Optimizer } from './training/optimizers/optimizer.js';

/** The names of all recipes, in the order of the README's table. */
export const RECIPE_NAMES = [
  'line',
  'parabola',
  'three-seven-linear',
  'three-seven-mlp',
  'nine-or-not',
  'softmax',
  'mlp',
  'mlp-deep',
  'conv',
  'conv-fast',
  'resnet18',
] as const;
/** One of `RECIPE_NAMES`. */
export type RecipeName = (typeof RECIPE_NAMES)[number];

/** A model with settings that train it well, taken from a "from scratch" write-up. */
export interface Recipe {
  /** Its key in `RECIPES`. */
  readonly name: RecipeName;
  /** One line that describes model and task. */
  readonly title: string;
  /**
   * `digits`: needs the splits of `loadMnist` or `syntheticDigits`; `points`: generates its data.
   */
  readonly data: 'digits' | 'points';
  /** Passes over the training data. */
  readonly epochs: number;
  /** Examples per update. */
  readonly batchSize: number;
  /** Highest learning rate of the schedule. */
  readonly learningRate: number;
  /** Whether to shuffle the examples before every epoch; true by default. */
  readonly shuffle?: boolean;
  /** The digits that it classifies, if others can be chosen: see `recipeOn`. */
  readonly digits?: readonly number[];
  /** The classes in the order of their labels, such as `['7', '3']`; empty for regression. */
  readonly classNames: readonly string[];
  /** Creates a model; the trainer draws its weights. */
  model(): Layer;
  /** Creates the loss. */
  loss(): Loss;
  /**
   * Creates the optimizer.
   *
   * @param learningRate highest learning rate of the schedule
   */
  optimizer(learningRate: number): Optimizer;
  /**
   * Prepares the splits to train and validate on.
   *
   * @param digits splits of all ten digits, for recipes with `data: 'digits'`
   * @param seed   seed of the generated points, for recipes with `data: 'points'`
   * @throws DataError when the recipe needs digits and gets none
   */
  prepare(digits: Splits | undefined, seed: number): Splits;
  /** The same recipe for other digits; undefined if its task is fixed. See `recipeOn`. */
  on?(digits: readonly number[]): Recipe;
}
