import { Command } from 'commander';
import { digitImage } from '../../data/images.js';
import { DataError, reasonOf } from '../../errors.js';
import { RECIPE_NAMES, type RecipeName } from '../../recipes.js';
import { withBackend } from '../backend.js';
import { MNIST_NORMALIZATION } from '../data/digits.js';
import {
  addBackendOptions,
  addDigitsOption,
  type BackendOptions,
  type DigitsOptions,
  type JsonOption,
  oneOf,
} from '../options.js';
import { formatPercent } from '../output/format.js';
import { print, printJson } from '../output/print.js';
import { createTrained, readTrained } from '../trained.js';
import { readPng } from './png.js';

interface PredictOptions extends BackendOptions, DigitsOptions, JsonOption {
  readonly recipe?: RecipeName;
}

/** The prediction for one image file. */
interface Prediction {
  readonly file: string;
  /** Name of the most likely class: `7`, `not 9`. */
  readonly answer: string;
  /** The answer as a number; null if it is not a digit. */
  readonly digit: number | null;
  readonly probability: number;
  readonly classes: readonly string[];
  /** In the order of `classes`. */
  readonly probabilities: readonly number[];
}

const BAR_WIDTH = 40;
/** Classes below this probability are not printed. */
const MIN_SHOWN = 0.001;

export function predictCommand(): Command {
  const command = new Command('predict')
    .description('Recognise the digit in each image.')
    .argument(
      '<weights>',
      'a .safetensors file from handgrad or PyTorch, or the --out folder of a run',
    )
    .argument(
      '<images...>',
      'PNG files with one digit each, of any size, dark on light or light on dark',
    )
    .option(
      '--recipe <name>',
      'recipe of the weights (default: the one in config.json beside them)',
      oneOf(RECIPE_NAMES),
    )
    .option('--json', 'print one JSON array with an object per image');
  return addBackendOptions(addDigitsOption(command)).action(predict);
}

async function predict(
  path: string,
  files: readonly string[],
  options: PredictOptions,
): Promise<void> {
  const weights = await readTrained(path, options.recipe, options.digits);
  const { recipe, config } = weights;
  const classes = recipe.classNames;
  if (classes.length === 0) {
    throw new DataError(
      `predict: expected weights of a digit classifier, got weights of ${recipe.name}`,
    );
  }
  const images = await readDigits(files);
  const outputs = await withBackend(options, async (backend) => {
    const normalization = config?.normalization ?? MNIST_NORMALIZATION;
    return (await createTrained(backend, weights, normalization)).predict(images);
  });
  const width = outputs.length / files.length;
  const predictions = files.map((file, i) =>
    interpret(file, classes, outputs.subarray(i * width, (i + 1) * width)),
  );
  if (options.json) printJson(predictions);
  else print(predictions.map(formatPrediction).join('\n\n'));
}

/** Reads (B, 784) bytes, one file at a time, since a large picture takes much memory. */
async function readDigits(files: readonly string[]): Promise<Uint8Array> {
  const images: Uint8Array[] = [];
  for (const file of files) images.push(await readDigit(file));
  return Buffer.concat(images);
}

async function readDigit(file: string): Promise<Uint8Array> {
  const picture = await readPng(file);
  try {
    return digitImage(picture);
  } catch (cause) {
    throw new DataError(`${file}: ${reasonOf(cause)}`, { cause });
  }
}

/** @param output the probability of each class, or only that of the second of two classes */
function interpret(
  file: string,
  classes: readonly string[],
  output: ArrayLike<number>,
): Prediction {
  const probabilities = output.length === 1 ? [1 - output[0], output[0]] : Array.from(output);
  const best = probabilities.indexOf(Math.max(...probabilities));
  const answer = classes[best];
  const digit = /^\d$/.test(answer) ? Number(answer) : null;
  return { file, answer, digit, probability: probabilities[best], classes, probabilities };
}

/** The answer, and below it a line with a bar for each likely class. */
function formatPrediction({ file, answer, classes, probabilities }: Prediction): string {
  const width = Math.max(...classes.map((name) => name.length));
  const likely = classes
    .map((name, i) => ({ name, probability: probabilities[i] }))
    .filter(({ probability }) => probability >= MIN_SHOWN)
    .sort((a, b) => b.probability - a.probability);
  const lines = likely.map(({ name, probability }) => {
    const bar = '█'.repeat(Math.round(BAR_WIDTH * probability));
    return `  ${name.padEnd(width)}  ${formatPercent(probability).padStart(8)}  ${bar}`.trimEnd();
  });
  return [`${file}: ${answer}`, ...lines].join('\n');
}
