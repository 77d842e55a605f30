/** config.json of a run: all that is needed to go on with it, or to use its weights. */

import type { BackendInfo } from '../../backends/device.js';
import type { Normalization } from '../../data/dataset.js';
import { DataError, TrainingError } from '../../errors.js';
import { areDigits, RECIPE_NAMES, RECIPES, type Recipe, type RecipeName } from '../../recipes.js';
import type { RecipeData } from '../data/recipe-data.js';
import type { DigitsOptions } from '../options.js';
import { VERSION } from '../version.js';
import { readJson } from './json-file.js';

/** What decides a run, apart from its data. */
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
  /** Those that the recipe was told to tell apart; absent where it was told nothing. */
  readonly digits?: readonly number[];
  readonly settings: RunSettings;
  readonly backend: BackendInfo;
  readonly data: {
    /** A folder's full path, `synthetic` or `points`. */
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
 * @throws DataError when it is missing, or is not what `createConfig` makes
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
      `read ${path}: expected digits to be at least two different ones, such as [3,7], got ${got}`,
    );
  }
  return config as RunConfig;
}

/** The recipe's own settings, or others where options say so. */
export function settingsOf(recipe: Recipe, options: Partial<RunSettings>): RunSettings {
  const { epochs, batchSize, learningRate } = recipe;
  const given = SETTING_NAMES.filter((name) => options[name] !== undefined);
  const changes = Object.fromEntries(given.map((name) => [name, options[name]]));
  return { epochs, batchSize, learningRate, seed: 0, ...changes };
}

/**
 * The settings of a run that is to go on.
 *
 * @throws TrainingError when the recipe, or an option that was given, is not the run's
 */
export function settingsOfResumed(
  { recipe, digits, settings }: RunConfig,
  wanted: RecipeName,
  options: Partial<RunSettings> & DigitsOptions,
): RunSettings {
  if (wanted !== recipe) throw differs('recipe', recipe, wanted);
  if (options.digits && options.digits.join() !== digits?.join()) {
    throw differs('digits', digits?.join(', ') ?? 'of all kinds', options.digits.join(', '));
  }
  for (const name of SETTING_NAMES) {
    const value = options[name];
    if (value !== undefined && value !== settings[name]) throw differs(name, settings[name], value);
  }
  return settings;
}

/** @throws TrainingError when the data is not what the run began with */
export function expectSameData({ data, normalization }: RunConfig, { train }: RecipeData): void {
  const { mean, std } = train.normalization;
  if (train.size !== data.trainSize) {
    throw differs('number of training examples', data.trainSize, train.size);
  }
  if (mean !== normalization.mean || std !== normalization.std) {
    throw differs('mean of the training data', normalization.mean, mean);
  }
}

function differs(what: string, saved: string | number, got: string | number): TrainingError {
  return new TrainingError(
    `resume: expected ${what} ${saved}, as the run began with, got ${got}; ` +
      'start a new run in another folder to change it',
  );
}
