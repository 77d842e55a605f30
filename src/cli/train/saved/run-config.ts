/** config.json of a run: everything needed to resume it or to use its weights. */

import type { BackendInfo } from '../../../backends/runtime.js';
import type { Normalization } from '../../../data/dataset.js';
import { DataError, listed, quoted, TrainingError } from '../../../errors.js';
import { isObject } from '../../../options.js';
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

const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 1;
const isText = (value: unknown) => typeof value === 'string';
const isNumber = (value: unknown) => Number.isFinite(value);
const isPositive = (value: unknown) => isNumber(value) && Number(value) > 0;
const isSeed = (value: unknown) => value === 0 || (isCount(value) && Number(value) < 2 ** 32);

/** What the fields of config.json must be. */
const FIELDS: readonly [name: string, isValid: (value: unknown) => boolean, form: string][] = [
  ['recipe', (value) => RECIPE_NAMES.some((name) => name === value), 'the name of a recipe'],
  [
    'digits',
    (value) => value === undefined || areDigits(value),
    'to list at least two different digits, such as [3,7]',
  ],
  ['settings.epochs', isCount, 'an integer of at least 1'],
  ['settings.batchSize', isCount, 'an integer of at least 1'],
  ['settings.learningRate', isPositive, 'a number above 0'],
  ['settings.seed', isSeed, 'an integer from 0 to 4294967295'],
  ['backend.backend', isText, 'a name'],
  ['backend.build', isText, 'a name'],
  ['backend.threads', isNumber, 'a number'],
  ['data.source', isText, 'a name'],
  ['data.trainSize', isCount, 'an integer of at least 1'],
  ['data.testSize', isCount, 'an integer of at least 1'],
  ['normalization.mean', isNumber, 'a number'],
  ['normalization.std', isPositive, 'a number above 0'],
];

/**
 * Reads a run's config.json.
 *
 * @throws DataError when the file is missing or is not the output of `createConfig`
 */
export async function readConfig(path: string): Promise<RunConfig> {
  const config = await readJson(path);
  const keys = isObject(config) ? Object.keys(config) : [];
  if (
    !['recipe', 'settings', 'backend', 'data', 'normalization'].every((key) => keys.includes(key))
  ) {
    throw new DataError(
      `read ${path}: expected recipe, settings, backend, data and normalization of a run, got ${listed(keys)}`,
    );
  }
  for (const [name, isValid, form] of FIELDS) {
    const value = fieldOf(config, name);
    if (isValid(value)) continue;
    const is = form.startsWith('to ') ? '' : 'to be ';
    throw new DataError(`read ${path}: expected ${name} ${is}${form}, got ${quoted(value)}`);
  }
  return config as unknown as RunConfig;
}

/** The value of a field of fields, such as `settings.seed`. */
function fieldOf(object: unknown, name: string): unknown {
  return name
    .split('.')
    .reduce<unknown>((value, key) => (isObject(value) ? value[key] : undefined), object);
}

/** The fields that determine a run, by name, for its checkpoint to repeat. */
export function identityOf(config: RunConfig): Record<string, unknown> {
  const names = FIELDS.map(([name]) => name).filter(
    (name) => !/^backend|source$/.test(name) && fieldOf(config, name) !== undefined,
  );
  return Object.fromEntries(names.map((name) => [name, fieldOf(config, name)]));
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
export function expectSameData(config: RunConfig, { train, test }: RecipeData): void {
  const { data, normalization } = config;
  const { mean, std } = train.normalization;
  if (train.size !== data.trainSize) {
    throw differs('number of training examples', data.trainSize, train.size);
  }
  if (test.size !== data.testSize) {
    throw differs('number of test examples', data.testSize, test.size);
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
