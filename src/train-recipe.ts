import type { Splits } from './data/dataset.js';
import type { Backend } from './numerics/backend.js';
import { type Recipe, type RecipeName, recipeOf, recipeOn } from './recipes.js';
import type { Evaluation, History } from './training/history.js';
import { type FitOptions, Trainer } from './training/trainer.js';

export interface RecipeOptions extends Partial<Omit<FitOptions, 'validation' | 'validationSplit'>> {
  readonly backend: Backend;
  /** What `loadMnist` or `syntheticDigits` gives; recipes on points make their own. */
  readonly data?: Splits;
  readonly batchSize?: number;
  /** The schedule's highest rate. */
  readonly learningRate?: number;
  readonly seed?: number;
  /** Which digits to tell apart, of recipes on all of them: see `recipeOn`. */
  readonly digits?: readonly number[];
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
 * @throws RangeError for an unknown recipe or digits that it cannot have, DataError when it needs
 *   digits and gets none; and as `Trainer.fit` does
 * @example const { evaluation } = await train('mlp', { backend, data: await loadMnist() });
 */
export async function train(name: RecipeName, options: RecipeOptions): Promise<RecipeResult> {
  const { digits } = options;
  const recipe = digits ? recipeOn(recipeOf(name), digits) : recipeOf(name);
  const { seed = 0, epochs = recipe.epochs, shuffle = recipe.shuffle ?? true } = options;
  const splits = recipe.prepare(options.data, seed);
  const trainer = recipeTrainer(recipe, options);
  const settings = { ...options, epochs, shuffle, validation: splits.test };
  const history = await trainer.fit(splits.train, settings);
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
