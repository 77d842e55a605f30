import { Command } from 'commander';
import { RECIPE_NAMES, type RecipeName } from '../recipes.js';
import type { ConfusionEvaluation } from '../training/history.js';
import { withBackend } from './backend.js';
import { earlierSource } from './data/digits.js';
import { isUnbalanced, openRecipeData, type RecipeData } from './data/recipe-data.js';
import {
  addBackendOptions,
  addDataOption,
  addDigitsOption,
  type BackendOptions,
  type DataOptions,
  type DigitsOptions,
  type JsonOption,
  oneOf,
} from './options.js';
import { confusionRows, formatConfusion } from './output/confusion.js';
import { formatCounted, formatLoss, formatPercent } from './output/format.js';
import { print, printJson } from './output/print.js';
import { createTrained, readTrained, type TrainedWeights } from './trained.js';

interface EvaluateOptions extends BackendOptions, DataOptions, DigitsOptions, JsonOption {
  readonly recipe?: RecipeName;
}

export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description('Evaluate weights on the test split: loss, accuracy and confusion matrix.')
    .argument(
      '<weights>',
      'a .safetensors file from handgrad or PyTorch, or the --out folder of a run',
    )
    .option(
      '--recipe <name>',
      'recipe of the weights (default: the one in config.json beside them)',
      oneOf(RECIPE_NAMES),
    )
    .option('--json', 'print one JSON object');
  return addBackendOptions(addDataOption(addDigitsOption(command))).action(evaluate);
}

async function evaluate(path: string, options: EvaluateOptions): Promise<void> {
  const weights = await readTrained(path, options.recipe, options.digits);
  await withBackend(options, async (backend) => {
    const trainer = await createTrained(backend, weights);
    const data = await openTestData(weights, options.data);
    const evaluation = await trainer.evaluate(data.test, { confusion: true });
    if (options.json) printJsonResult(weights, data, evaluation);
    else print(formatResult(weights, data, evaluation));
  });
}

/** Opens `data`, or else the test data of the run, normalised like the run's training data. */
async function openTestData(
  { recipe, config }: TrainedWeights,
  data?: string,
): Promise<RecipeData> {
  const seed = config?.settings.seed ?? 0;
  const wanted = { data: data ?? earlierSource(config?.data.source), seed };
  const opened = await openRecipeData(recipe, wanted);
  const normalization = config?.normalization ?? opened.test.normalization;
  return { ...opened, test: { ...opened.test, normalization } };
}

function printJsonResult(
  { path, recipe }: TrainedWeights,
  { test, source }: RecipeData,
  { loss, accuracy, balancedAccuracy, confusion }: ConfusionEvaluation,
): void {
  const classes = recipe.classNames;
  printJson({
    recipe: recipe.name,
    weights: path,
    data: source,
    testSize: test.size,
    loss,
    accuracy,
    balancedAccuracy,
    classes,
    confusion: confusionRows(confusion, classes.length),
  });
}

function formatResult(
  { recipe }: TrainedWeights,
  { test, source }: RecipeData,
  result: ConfusionEvaluation,
): string {
  const { loss, accuracy, balancedAccuracy, confusion } = result;
  if (test.classes === 0) {
    return `loss ${formatLoss(loss)} over ${formatCounted(test.size, 'point')}`;
  }
  const lines = [
    `accuracy  ${formatPercent(accuracy)} on ${formatCounted(test.size, 'test image')} (${source})`,
    `loss      ${formatLoss(loss)}`,
  ];
  if (isUnbalanced(test)) {
    lines.splice(1, 0, `balanced  ${formatPercent(balancedAccuracy)}, the mean over the classes`);
  }
  const table = formatConfusion(confusion, recipe.classNames);
  return `${lines.join('\n')}\n\n${table}`;
}
