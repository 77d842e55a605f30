import { Argument, Command } from 'commander';
import { RECIPE_NAMES, RECIPES, type RecipeName } from '../../recipes.js';
import { withBackend } from '../backend.js';
import { earlierSource } from '../data/digits.js';
import { chosenRecipe, openRecipeData } from '../data/recipe-data.js';
import { UsageError } from '../failure.js';
import {
  addBackendOptions,
  addDataOption,
  addDigitsOption,
  type BackendOptions,
  type DataOptions,
  type DigitsOptions,
  type JsonOption,
  nonNegativeInteger,
  positiveInteger,
  positiveNumber,
} from '../options.js';
import { listenForInterrupts } from './interrupts.js';
import { type RunSettings, settingsOf, settingsOfResumed } from './run-config.js';
import { RunFolder } from './run-folder.js';
import { TrainingRun } from './training-run.js';

interface TrainOptions
  extends Partial<RunSettings>,
    BackendOptions,
    DataOptions,
    DigitsOptions,
    JsonOption {
  readonly out?: string;
  readonly resume?: true;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Train a recipe, and test it after every epoch.')
    .addArgument(new Argument('<recipe>', 'what to train').choices(RECIPE_NAMES))
    .option(
      '--epochs <count>',
      "passes over the training data (default: the recipe's)",
      positiveInteger,
    )
    .option('--batch-size <count>', "examples per update (default: the recipe's)", positiveInteger)
    .option(
      '--learning-rate <rate>',
      "highest learning rate (default: the recipe's)",
      positiveNumber,
    )
    .option('--seed <seed>', 'decides first weights and order (default: 0)', nonNegativeInteger)
    .option('--out <folder>', 'keep weights, history, settings and a checkpoint there')
    .option('--resume', 'go on with the run in the --out folder, with its settings')
    .option('--json', 'print a JSON object per line: start, every epoch, done');
  return addBackendOptions(addDataOption(addDigitsOption(command)))
    .addHelpText('after', formatRecipes())
    .action(train);
}

async function train(name: RecipeName, options: TrainOptions): Promise<void> {
  const { out, json = false } = options;
  if (options.resume && out === undefined) {
    throw new UsageError('--resume needs --out with the folder of a run to go on with');
  }
  const folder = out === undefined ? undefined : new RunFolder(out);
  const resumed = options.resume && (await folder?.readConfig());
  // Compared first: another recipe than the run's may have no choice of digits.
  const resumedSettings = resumed && settingsOfResumed(resumed, name, options);
  const recipe = chosenRecipe(name, options.digits ?? resumed?.digits);
  const settings = resumedSettings ?? settingsOf(recipe, options);
  const wanted = {
    data: options.data ?? earlierSource(resumed?.data.source),
    seed: settings.seed,
  };
  const { signal, stopListening } = listenForInterrupts();
  try {
    await withBackend(options, async (backend) => {
      const data = await openRecipeData(recipe, wanted, signal);
      const run = { recipe, settings, data, folder, resumed, json, signal };
      await new TrainingRun(backend, run).run();
    });
  } finally {
    stopListening();
  }
}

function formatRecipes(): string {
  const width = Math.max(...RECIPE_NAMES.map((name) => name.length));
  const lines = RECIPE_NAMES.map((name) => `  ${name.padEnd(width)}  ${RECIPES[name].title}`);
  return `
Recipes:
${lines.join('\n')}

Ctrl-C stops after the update under way; with --out, --resume then goes on exactly there.`;
}
