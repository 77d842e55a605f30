import { Argument, Command } from 'commander';
import { formatDescription } from '../../description.js';
import { createStepState } from '../../ops/step-state.js';
import { RECIPE_NAMES, type Recipe, type RecipeName } from '../../recipes.js';
import type { Step } from '../../step.js';
import { persistent } from '../../tensor.js';
import { type BatchSource, createSource, sourceOf } from '../../training/batch-source.js';
import {
  createMoments,
  evaluationStep,
  type TrainingSetup,
  trainingStep,
} from '../../training/steps.js';
import { MNIST_NORMALIZATION } from '../data/digits.js';
import { chosenRecipe } from '../data/recipe-data.js';
import {
  addDigitsOption,
  type DigitsOptions,
  type JsonOption,
  positiveInteger,
} from '../options.js';
import { print, printJson } from '../output/print.js';
import { formatListing, type Listing, listingOf } from './listing.js';

interface ExplainOptions extends DigitsOptions, JsonOption {
  readonly batchSize?: number;
  readonly evaluate?: true;
}

/** `handgrad explain RECIPE`. */
export function explainCommand(): Command {
  const command = new Command('explain')
    .description('Print the step of a recipe: every kernel call, with shapes and formulas.')
    .addArgument(new Argument('<recipe>', 'the recipe to explain').choices(RECIPE_NAMES))
    .option('--batch-size <count>', "examples per step (default: the recipe's)", positiveInteger)
    .option('--evaluate', 'print the evaluation step instead of the training step')
    .option('--json', 'print one JSON object');
  return addDigitsOption(command).action(explain);
}

function explain(name: RecipeName, { batchSize, digits, evaluate, json }: ExplainOptions): void {
  const recipe = chosenRecipe(name, digits);
  const listing = listRecipe(recipe, batchSize ?? recipe.batchSize, evaluate === true);
  if (json) printJson(listing);
  else print(formatListing(listing));
}

function listRecipe(recipe: Recipe, batchSize: number, evaluation: boolean): Listing {
  const setup: TrainingSetup = {
    model: recipe.model(),
    loss: recipe.loss(),
    optimizer: recipe.optimizer(recipe.learningRate),
  };
  const source = sourceFor(recipe);
  const buildStep = evaluation ? buildEvaluation : buildTraining;
  return {
    recipe: recipe.name,
    title: recipe.title,
    step: evaluation ? 'evaluation' : 'training',
    model: formatDescription(setup.model.description),
    loss: formatDescription(setup.loss.description),
    optimizer: formatDescription(setup.optimizer.description),
    parameters: setup.model.parameters.reduce((sum, { size }) => sum + size, 0),
    batchSize,
    ...listingOf(buildStep(setup, source, batchSize).calls),
  };
}

function buildTraining(setup: TrainingSetup, source: BatchSource, batchSize: number): Step {
  const tensors = { state: createStepState(), moments: createMoments(setup) };
  return trainingStep(setup, tensors, source, batchSize);
}

function buildEvaluation(setup: TrainingSetup, source: BatchSource, batchSize: number): Step {
  const outputs = setup.model.parameters.at(-1)?.size ?? 1;
  const K = setup.loss.classes(outputs);
  const counters = K > 0 ? { counts: persistent('counts', [K, 2], 'int32') } : {};
  return evaluationStep(setup, createStepState(), source, batchSize, counters);
}

/** Tensors for data of the size of MNIST, or for the points of the recipe; without values. */
function sourceFor(recipe: Recipe): BatchSource {
  if (recipe.data === 'points') return sourceOf(recipe.prepare(undefined, 0).train);
  return createSource(60_000, 784, 'uint8', 'labels', MNIST_NORMALIZATION);
}
