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
  positiveInteger,
  positiveNumber,
  seedNumber,
  type VerboseOption,
} from '../options.js';
import { workWithoutReader } from '../output/closed-output.js';
import { listenForInterrupts } from './interrupts.js';
import { type RunSettings, settingsOf, settingsOfResumed } from './saved/run-config.js';
import { RunFolder } from './saved/run-folder.js';
import { TrainingRun } from './training-run.js';

interface TrainOptions
  extends Partial<RunSettings>,
    BackendOptions,
    DataOptions,
    DigitsOptions,
    JsonOption,
    VerboseOption {
  readonly out?: string;
  readonly resume?: true;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('Train the model of a recipe, and evaluate it after every epoch.')
    .addArgument(new Argument('<recipe>', 'recipe to train').choices(RECIPE_NAMES))
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
    .option('--seed <seed>', 'seed of initial weights, order and dropout (default: 0)', seedNumber)
    .option('--out <folder>', 'folder for weights, history, settings and a checkpoint')
    .option('--resume', 'continue the run in the --out folder, with its settings')
    .option('--json', 'print one JSON object per line: start, every epoch, done');
  return addBackendOptions(addDataOption(addDigitsOption(command)))
    .addHelpText('after', formatRecipes())
    .action(train);
}

async function train(name: RecipeName, options: TrainOptions): Promise<void> {
  const { out, json = false, verbose = false } = options;
  if (options.resume && out === undefined) {
    throw new UsageError('--resume needs --out, the folder of the run to continue');
  }
  const folder = out === undefined ? undefined : new RunFolder(out);
  if (folder) workWithoutReader();
  const { signal, stopListening } = listenForInterrupts();
  try {
    const resumed = options.resume && (await folder?.resume());
    // Compare recipes first: the digits of the run may not suit the recipe that the user named.
    const resumedSettings = resumed && settingsOfResumed(resumed, name, options);
    const recipe = chosenRecipe(name, options.digits ?? resumed?.digits);
    const settings = resumedSettings ?? settingsOf(recipe, options);
    const source = {
      data: options.data ?? earlierSource(resumed?.data.source),
      seed: settings.seed,
    };
    await withBackend(options, async (backend) => {
      const data = await openRecipeData(recipe, source, signal);
      const run = { recipe, settings, data, folder, resumed, json, verbose, signal };
      await new TrainingRun(backend, run).run();
    });
  } finally {
    await folder?.close();
    stopListening();
  }
}

function formatRecipes(): string {
  const width = Math.max(...RECIPE_NAMES.map((name) => name.length));
  const lines = RECIPE_NAMES.map((name) => `  ${name.padEnd(width)}  ${RECIPES[name].title}`);
  return `
Recipes:
${lines.join('\n')}

Ctrl-C, SIGTERM and a closed terminal stop after the current update; a second signal ends at once.
With --out, --resume continues exactly from there.`;
}
