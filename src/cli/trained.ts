/** Reads weights from a file and loads them into the model of their recipe. */

import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Normalization } from '../data/dataset.js';
import { DataError, reasonOf, ShapeError } from '../errors.js';
import type { Backend } from '../numerics/backend.js';
import type { Recipe, RecipeName } from '../recipes.js';
import { Trainer } from '../training/trainer.js';
import { chosenRecipe } from './data/recipe-data.js';
import { UsageError } from './failure.js';
import { type RunConfig, readConfig } from './train/saved/run-config.js';
import { CONFIG_FILE, WEIGHTS_FILE } from './train/saved/run-folder.js';

/** A weights file and its recipe. */
export interface TrainedWeights {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly recipe: Recipe;
  /** Configuration of the run that wrote the file, if known. */
  readonly config: RunConfig | undefined;
}

/**
 * Reads a weights file, or that in the folder of a run. Recipe and digits come from the options, else from config.json beside it.
 *
 * @throws DataError when the file cannot be read, UsageError when the recipe is unknown
 */
export async function readTrained(
  fileOrFolder: string,
  named: RecipeName | undefined,
  digits: readonly number[] | undefined,
): Promise<TrainedWeights> {
  const path = await weightsAt(fileOrFolder);
  const bytes = await readWeights(path);
  const configPath = join(dirname(path), CONFIG_FILE);
  if (named === undefined) {
    const config = await readConfig(configPath).catch((error) => {
      throw new UsageError(`${reasonOf(error)}; name the recipe of the weights with --recipe`);
    });
    return { path, bytes, recipe: chosenRecipe(config.recipe, digitsOf(config, digits)), config };
  }
  const found = await readConfig(configPath).catch(() => undefined);
  const config = found?.recipe === named ? found : undefined;
  return { path, bytes, recipe: chosenRecipe(named, digitsOf(config, digits)), config };
}

/** @throws UsageError when `named` differs from the digits that the weights were trained on */
function digitsOf(
  config: RunConfig | undefined,
  named: readonly number[] | undefined,
): readonly number[] | undefined {
  if (named && config?.digits && named.join() !== config.digits.join()) {
    throw new UsageError(
      `--digits: expected ${config.digits.join(',')}, which the weights were trained on, got ${named.join(',')}`,
    );
  }
  return named ?? config?.digits;
}

/**
 * Creates a trainer with the weights.
 *
 * @param normalization of bytes given to `predict`, if the file does not state it
 * @throws DataError when the file is corrupt or belongs to another model
 */
export async function createTrained(
  backend: Backend,
  { path, bytes, recipe }: TrainedWeights,
  normalization?: Normalization,
): Promise<Trainer> {
  const trainer = new Trainer(backend, {
    model: recipe.model(),
    loss: recipe.loss(),
    optimizer: recipe.optimizer(recipe.learningRate),
    batchSize: recipe.batchSize,
    ...(normalization && { normalization }),
  });
  try {
    await trainer.decode(bytes, path);
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause;
    throw new DataError(`read ${path} as weights of ${recipe.name}: ${cause.message}`, { cause });
  }
  return trainer;
}

/** The weights file that a path names, or the file in the folder of a run. */
async function weightsAt(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return path;
  const weights = join(path, WEIGHTS_FILE);
  if (existsSync(weights)) return weights;
  throw new DataError(
    `read ${path}: expected ${WEIGHTS_FILE} of a finished run, got none; train it to the end with --resume`,
  );
}

async function readWeights(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(`read ${path}: expected a safetensors file, got "${reasonOf(cause)}"`, {
      cause,
    });
  }
}
