import { Command, InvalidArgumentError, Option } from 'commander';
import type { Splits } from '../data/dataset.js';
import { type Metric, nearestMean } from '../data/nearest-mean.js';
import { selectClasses } from '../data/subset.js';
import { confusionRows, formatConfusion } from './confusion.js';
import { openDigits } from './digits.js';
import { formatCounted, formatPercent, formatSeconds } from './format.js';
import { addDataOption, type DataOptions, type JsonOption, list } from './options.js';
import { print, printJson } from './output.js';

interface BaselineOptions extends DataOptions, JsonOption {
  readonly metric: Metric;
  readonly digits?: readonly number[];
}

const ALL_DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

export function baselineCommand(): Command {
  const metric = new Option(
    '--metric <name>',
    'mean absolute (l1) or mean squared (l2) difference',
  );
  const command = new Command('baseline')
    .description('Classify by the nearest mean image: what training has to beat.')
    .addOption(metric.choices(['l1', 'l2']).default('l2'))
    .option('--digits <list>', 'which digits, such as 3,7 (default: all)', digitList)
    .option('--json', 'print one JSON object');
  return addDataOption(command).action(baseline);
}

async function baseline({ metric, digits, data, json }: BaselineOptions): Promise<void> {
  const { splits, source } = await openDigits(data);
  const { train, test } = digits ? select(splits, digits) : splits;
  const began = performance.now();
  const { accuracy, confusion } = nearestMean(train, test, { metric });
  const seconds = (performance.now() - began) / 1000;
  const names = classNames(digits);
  if (json) {
    printJson({
      metric,
      digits: digits ?? ALL_DIGITS,
      data: source,
      trainSize: train.size,
      testSize: test.size,
      accuracy,
      classes: names,
      confusion: confusionRows(confusion, names.length),
      seconds,
    });
    return;
  }
  print(
    `accuracy  ${formatPercent(accuracy)} of ${formatCounted(test.size, 'test image')} from ${source}`,
  );
  print(`time      ${formatSeconds(seconds)} s`);
  print(`\ntaken for\n${formatConfusion(confusion, names)}`);
}

function select({ train, test }: Splits, digits: readonly number[]): Splits {
  return { train: selectClasses(train, digits), test: selectClasses(test, digits) };
}

/** In the order of the labels: of two digits, `selectClasses` makes the first the class 1. */
function classNames(digits: readonly number[] = ALL_DIGITS): string[] {
  const names = digits.map(String);
  return names.length === 2 ? names.reverse() : names;
}

function digitList(text: string): number[] {
  const digits = list((item) => (/^\d$/.test(item) ? Number(item) : Number.NaN))(text);
  const areDifferent = new Set(digits).size === digits.length;
  if (digits.length >= 2 && areDifferent && digits.every((digit) => digit >= 0)) return digits;
  throw new InvalidArgumentError('Expected at least two different digits, such as 3,7.');
}
