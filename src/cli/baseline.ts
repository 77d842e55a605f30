import { Command, Option } from 'commander';
import type { Splits } from '../data/dataset.js';
import { type Metric, nearestMean } from '../data/nearest-mean.js';
import { selectClasses } from '../data/subset.js';
import { ALL_DIGITS, digitNames } from '../recipes.js';
import { openDigits } from './data/digits.js';
import {
  addDataOption,
  addDigitsOption,
  type DataOptions,
  type DigitsOptions,
  type JsonOption,
} from './options.js';
import { confusionRows, formatConfusion } from './output/confusion.js';
import { formatCounted, formatPercent, formatSeconds } from './output/format.js';
import { print, printJson } from './output/print.js';

interface BaselineOptions extends DataOptions, DigitsOptions, JsonOption {
  readonly metric: Metric;
}

export function baselineCommand(): Command {
  const metric = new Option(
    '--metric <name>',
    'distance between images: mean absolute (l1) or mean squared (l2) difference',
  );
  const command = new Command('baseline')
    .description(
      'Classify images by the nearest mean image of a class, as a baseline for training.',
    )
    .addOption(metric.choices(['l1', 'l2']).default('l2'))
    .option('--json', 'print one JSON object');
  return addDataOption(addDigitsOption(command)).action(baseline);
}

async function baseline({ metric, digits, data, json }: BaselineOptions): Promise<void> {
  const { splits, source } = await openDigits(data);
  const { train, test } = digits ? select(splits, digits) : splits;
  const began = performance.now();
  const { accuracy, confusion } = nearestMean(train, test, { metric });
  const seconds = (performance.now() - began) / 1000;
  const names = digitNames(digits ?? ALL_DIGITS);
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
    `accuracy  ${formatPercent(accuracy)} on ${formatCounted(test.size, 'test image')} (${source})`,
  );
  print(`time      ${formatSeconds(seconds)} s`);
  print(`\n${formatConfusion(confusion, names)}`);
}

function select({ train, test }: Splits, digits: readonly number[]): Splits {
  return { train: selectClasses(train, digits), test: selectClasses(test, digits) };
}
