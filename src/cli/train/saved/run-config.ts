/** config.json of a run: everything needed to resume it or to use its weights. */

import type { BackendInfo } from '../../../backends/runtime.js';
import type { Normalization } from '../../../data/dataset.js';
import { DataError, TrainingError } from '../../../errors.js';
import {
  areDigits,
  RECIPE_NAMES,
  RECIPES,
  type Recipe,
  type RecipeName,
} from '../../../recipes.js';
import type { RecipeData } from '../../data/recipe-data.js';
import type { DigitsOptions } from '../../options.js';
import { VERSION } from '../../version.js';
import { readJson } from './json-file.js';

/** The settings that, together with the data, determine a run. */
export interface RunSettings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly seed: number;
}

export interface RunConfig {
  /** Version of this package. */
  readonly handgrad: string;
  readonly recipe: RecipeName;
  /** The digits of `--digits`; absent if it was not given. */
  readonly digits?: readonly number[];
  readonly settings: RunSettings;
  readonly backend: BackendInfo;
  readonly data: {
    /** An absolute path, `synthetic` or `points`. */
    readonly source: string;
    readonly trainSize: number;
    readonly testSize: number;
  };
  readonly normalization: Normalization;
}

const SETTING_NAMES = ['epochs', 'batchSize', 'learningRate', 'seed'] as const;

export function createConfig(
  recipe: Recipe,
  settings: RunSettings,
  backend: BackendInfo,
  { train, test, source }: RecipeData,
): RunConfig {
  return {
    handgrad: VERSION,
    recipe: recipe.name,
    ...(recipe.digits !== RECIPES[recipe.name].digits && { digits: recipe.digits }),
    settings,
    backend,
    data: { source, trainSize: train.size, testSize: test.size },
    normalization: train.normalization,
  };
}

/**
 * Reads a run's config.json.
 *
 * @throws DataError when the file is missing or is not the output of `createConfig`
 */
export async function readConfig(path: string): Promise<RunConfig> {
  const config = (await readJson(path)) as Partial<RunConfig> | null;
  const { recipe, digits, settings, backend, data, normalization } = config ?? {};
  const isSound =
    RECIPE_NAMES.some((name) => name === recipe) &&
    SETTING_NAMES.every((name) => Number.isFinite(settings?.[name])) &&
    typeof backend?.backend === 'string' &&
    typeof data?.source === 'string' &&
    Number.isFinite(normalization?.mean) &&
    Number.isFinite(normalization?.std);
  if (!isSound) {
    const got = Object.keys(config ?? {}).join(', ') || 'nothing';
    throw new DataError(
      `read ${path}: expected recipe, settings, backend, data and normalization of a run, got ${got}`,
    );
  }
  if (digits !== undefined && !areDigits(digits)) {
    const got = JSON.stringify(digits);
    throw new DataError(
      `read ${path}: expected digits to list at least two different digits, such as [3,7], got ${got}`,
    );
  }
  return config as RunConfig;
}

/** The settings of the recipe, overridden by the given options. */
export function settingsOf(recipe: Recipe, options: Partial<RunSettings>): RunSettings {
  const { epochs, batchSize, learningRate } = recipe;
  const given = SETTING_NAMES.filter((name) => options[name] !== undefined);
  const changes = Object.fromEntries(given.map((name) => [name, options[name]]));
  return { epochs, batchSize, learningRate, seed: 0, ...changes };
}

/**
 * The settings of a run to resume.
 *
 * @throws TrainingError when the recipe or a given option differs from the run's
 */
export function settingsOfResumed(
  { recipe, digits, settings }: RunConfig,
  wanted: RecipeName,
  options: Partial<RunSettings> & DigitsOptions,
): RunSettings {
  if (wanted !== recipe) throw differs('recipe', recipe, wanted);
  if (options.digits && options.digits.join() !== digits?.join()) {
    throw differs('digits', digits?.join(', ') ?? 'of the recipe', options.digits.join(', '));
  }
  for (const name of SETTING_NAMES) {
    const value = options[name];
    if (value !== undefined && value !== settings[name]) throw differs(name, settings[name], value);
  }
  return settings;
}

/** @throws TrainingError when the data differs from the original run's */
export function expectSameData({ data, normalization }: RunConfig, { train }: RecipeData): void {
  const { mean, std } = train.normalization;
  if (train.size !== data.trainSize) {
    throw differs('number of training examples', data.trainSize, train.size);
  }
  if (mean !== normalization.mean) {
    throw differs('mean of the training data', normalization.mean, mean);
  }
  if (std !== normalization.std) {
    throw differs('standard deviation of the training data', normalization.std, std);
  }
}

function differs(what: string, saved: string | number, got: string | number): TrainingError {
  return new TrainingError(
    `resume: expected ${what} ${saved} as in the original run, got ${got}; ` +
      'start a new run in another folder to change it',
  );
}
