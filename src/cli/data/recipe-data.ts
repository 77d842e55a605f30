import type { Dataset, Splits } from '../../data/dataset.js';
import { reasonOf } from '../../errors.js';
import { RECIPES, type Recipe, type RecipeName, recipeOn } from '../../recipes.js';
import { UsageError } from '../failure.js';
import { formatCount, formatCounted } from '../output/format.js';
import { note } from '../output/print.js';
import { openDigits } from './digits.js';

/** The training and test splits of a recipe. */
export interface RecipeData extends Splits {
  /** An absolute path, `synthetic`, or `points` for recipes that generate their data. */
  readonly source: string;
}

export const POINTS = 'points';

/**
 * Opens the splits of a recipe: from the digits that `data` names (see `openDigits`), or points
 * generated from the seed.
 *
 * @throws DataError when the digits cannot be loaded
 */
export async function openRecipeData(
  recipe: Recipe,
  options: { readonly data?: string | undefined; readonly seed: number },
  signal?: AbortSignal,
): Promise<RecipeData> {
  const { data, seed } = options;
  if (recipe.data === 'points') {
    if (data !== undefined) note(`${recipe.name} generates its own points and ignores --data`);
    return { ...recipe.prepare(undefined, seed), source: POINTS };
  }
  const { splits, source } = await openDigits(data, signal);
  return { ...recipe.prepare(splits, seed), source };
}

/** `60,000 training and 10,000 test images from mnist/`. */
export function formatData({ train, test, source }: RecipeData): string {
  if (source === POINTS) return formatCounted(train.size, 'noisy point');
  const sizes = `${formatCount(train.size)} training and ${formatCount(test.size)} test images`;
  return source === 'synthetic' ? `${sizes} (synthetic)` : `${sizes} from ${source}`;
}

/**
 * The named recipe, for `digits` instead of its own if they are given.
 *
 * @throws UsageError when the recipe has no choice of digits
 */
export function chosenRecipe(name: RecipeName, digits: readonly number[] | undefined): Recipe {
  if (!digits) return RECIPES[name];
  try {
    return recipeOn(RECIPES[name], digits);
  } catch (error) {
    throw new UsageError(`--digits: ${reasonOf(error)}`);
  }
}

/** Whether one class exceeds two thirds of the examples: always predicting it looks accurate. */
export function isUnbalanced({ targets, classes, size }: Dataset): boolean {
  const counts = new Array<number>(classes).fill(0);
  for (const target of targets) if (classes > 0) counts[target]++;
  return Math.max(0, ...counts) > (2 / 3) * size;
}
