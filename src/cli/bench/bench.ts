import { Command } from 'commander';
import type { Candidate } from '../../bench/candidate.js';
import { benchConv2d } from '../../bench/conv2d.js';
import {
  CROSSOVER_BATCHES,
  type Crossover,
  crossMatmul,
  crossTrain,
} from '../../bench/crossover.js';
import { describeEnvironment } from '../../bench/environment.js';
import { benchMatmul } from '../../bench/matmul.js';
import { benchOverhead } from '../../bench/overhead.js';
import type { BenchResult } from '../../bench/result.js';
import { benchSoftmaxCrossEntropy } from '../../bench/softmax-cross-entropy.js';
import { benchTrain } from '../../bench/train.js';
import { syntheticDigits } from '../../data/synthetic/synthetic-digits.js';
import { createBackend } from '../../numerics/create-backend.js';
import { RECIPE_NAMES, RECIPES, type RecipeName, recipeOf } from '../../recipes.js';
import { UsageError } from '../failure.js';
import {
  addAdapterOption,
  EVERY_BACKEND,
  list,
  nonNegativeInteger,
  oneOf,
  positiveInteger,
  positiveNumber,
  threadCount,
} from '../options.js';
import { print, printJson } from '../output/print.js';
import { type CandidateOptions, openCandidates } from './candidates.js';
import { notesOn } from './notes.js';
import { formatCsv, formatReport } from './report.js';
import {
  batchShapes,
  convolutionShapes,
  crossoverSizes,
  matmulShapes,
  readSizes,
  SIZES_HELP,
} from './sizes.js';

/** Timed if no subject is named. */
const USUAL_SUBJECTS = ['matmul', 'softmax-cross-entropy', 'conv2d', 'train'] as const;
const SUBJECTS = [...USUAL_SUBJECTS, 'overhead', 'crossover'] as const;
type Subject = (typeof SUBJECTS)[number];

const TRANSPOSES = ['NN', 'TN', 'NT'] as const;
/** Recipes without convolutions, which take little time. */
const DEFAULT_RECIPES: readonly RecipeName[] = ['softmax', 'mlp', 'mlp-deep'];

const SUBJECTS_HELP = `
Subjects outside the usual four:
  overhead               CPU cost of a GPU kernel: µs of encoding and submitting it
  crossover              the size from which each backend is faster than the first one, for square
                         products and for the batch size of --recipes`;

interface BenchOptions extends CandidateOptions {
  readonly sizes?: readonly number[][];
  readonly batches: readonly number[];
  readonly limit: number;
  readonly transpose: readonly (typeof TRANSPOSES)[number][];
  readonly stride: number;
  readonly padding: number;
  readonly recipes: readonly RecipeName[];
  readonly repeat: number;
  readonly json?: true;
  readonly csv?: true;
}

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('verify backends against the reference, then time them side by side')
    .argument(
      '[subject]',
      `${SUBJECTS.join(', ')} (default: the first ${USUAL_SUBJECTS.length})`,
      oneOf(SUBJECTS),
    )
    .option('--sizes <list>', 'sizes to time instead of those of the recipes; see below', readSizes)
    .option(
      '--transpose <list>',
      'operands stored transposed, for matmul with --sizes',
      list(oneOf(TRANSPOSES)),
      ['NN'],
    )
    .option('--stride <n>', 'stride of the windows, for conv2d with --sizes', positiveInteger, 1)
    .option(
      '--padding <n>',
      'padding around the images, for conv2d with --sizes',
      nonNegativeInteger,
      0,
    )
    .option('--recipes <list>', 'recipes to train', list(oneOf(RECIPE_NAMES)), DEFAULT_RECIPES)
    .option(
      '--batches <list>',
      'batch sizes for crossover',
      list(positiveInteger),
      CROSSOVER_BATCHES,
    )
    .option(
      '--limit <seconds>',
      'time limit of one backend at one size of crossover; it skips sizes that would take longer',
      positiveNumber,
      20,
    )
    .option('--backends <list>', 'backends to time', list(oneOf(EVERY_BACKEND)), ['wasm'])
    .option('--without-robustness', 'time webgpu also without bounds checks in its shaders (Node)')
    .option('--measured-tiles', 'time webgpu also with measured tiles for matrix products')
    .option('--subgroups', 'time webgpu also with subgroup sums')
    .option('--f16', 'time webgpu also with matrix products in 16-bit floats')
    .option('--threads <list>', 'thread counts of the wasm backend', list(threadCount), [1])
    .option('--revectorize', 'let V8 combine vectors into 256-bit ones, where it can')
    .option('--repeat <n>', 'samples of each measurement', positiveInteger, 15)
    .option('--json', 'print one JSON object')
    .option('--csv', 'print comma-separated values');
  return addAdapterOption(command)
    .addHelpText('after', `${SUBJECTS_HELP}\n${SIZES_HELP}`)
    .action(bench);
}

async function bench(subject: Subject | undefined, options: BenchOptions): Promise<void> {
  const candidates: Candidate[] = [];
  try {
    await openCandidates(candidates, options);
    const measured = await measure(subject, candidates, options);
    const notes = notesOn(candidates, measured);
    const report = { environment: describeEnvironment(), ...measured, notes };
    if (options.json) printJson(report);
    else print(options.csv ? formatCsv(report) : formatReport(report));
    if (measured.results.some(({ verified }) => verified === false)) process.exitCode = 1;
  } finally {
    for (const { backend } of candidates) await backend.close();
  }
}

async function measure(
  subject: Subject | undefined,
  candidates: readonly Candidate[],
  options: BenchOptions,
): Promise<{ results: BenchResult[]; crossovers: Crossover[] }> {
  if (subject === 'crossover') {
    return { results: [], crossovers: await crossovers(candidates, options) };
  }
  const results: BenchResult[] = [];
  for (const name of subject ? [subject] : USUAL_SUBJECTS) {
    results.push(...(await benchSubject(name, candidates, options)));
  }
  return { results, crossovers: [] };
}

async function benchSubject(
  subject: Exclude<Subject, 'crossover'>,
  candidates: readonly Candidate[],
  { sizes, transpose, stride, padding, recipes, repeat }: BenchOptions,
): Promise<BenchResult[]> {
  switch (subject) {
    case 'matmul':
      return benchMatmul(candidates, matmulShapes(sizes, transpose), repeat);
    case 'softmax-cross-entropy':
      return benchSoftmaxCrossEntropy(candidates, batchShapes(sizes), repeat);
    case 'conv2d':
      return benchConv2d(candidates, convolutionShapes(sizes, stride, padding), repeat);
    case 'train': {
      await using reference = await createBackend('reference');
      const chosen = recipes.map(recipeOf);
      return await benchTrain(candidates, chosen, digits(), reference, repeat);
    }
    case 'overhead':
      return overhead(candidates, recipes, repeat);
    default:
      return subject satisfies never;
  }
}

/** @throws UsageError if no backend runs GPU kernels, or no recipe has two batches */
async function overhead(
  candidates: readonly Candidate[],
  recipes: readonly RecipeName[],
  repeat: number,
): Promise<BenchResult[]> {
  const results = await benchOverhead(candidates, recipes.map(recipeOf), digits(), repeat);
  if (results.length > 0) return results;
  if (candidates.some(({ backend }) => backend.info.backend === 'webgpu')) {
    throw new UsageError(
      `bench overhead: expected a recipe of at least two batches, got ${recipes.join(', ')}`,
    );
  }
  throw new UsageError(
    `bench overhead: expected a backend that starts kernels on a GPU, got ${namesOf(candidates)}; name it with --backends webgpu`,
  );
}

/** @throws UsageError with fewer than two backends */
async function crossovers(
  candidates: readonly Candidate[],
  { sizes, batches, recipes, repeat, limit }: BenchOptions,
): Promise<Crossover[]> {
  if (candidates.length < 2) {
    throw new UsageError(
      `bench crossover: expected at least two backends, got ${namesOf(candidates)}; name them with --backends wasm,webgpu`,
    );
  }
  const limits = { repeat, limitSeconds: limit };
  const found = [await crossMatmul(candidates, crossoverSizes(sizes), limits)];
  const splits = digits();
  for (const name of recipes) {
    found.push(await crossTrain(candidates, RECIPES[name], splits, batches, limits));
  }
  return found;
}

function digits() {
  return syntheticDigits({ testSize: 1 });
}

function namesOf(candidates: readonly Candidate[]): string {
  return candidates.map(({ backend }) => backend.info.backend).join(', ');
}
