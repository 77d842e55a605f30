import { Command } from 'commander';
import type { Contender } from '../../../bench/contender.js';
import { benchConv2d } from '../../../bench/conv2d.js';
import {
  CROSSOVER_BATCHES,
  type Crossover,
  crossMatmul,
  crossTrain,
} from '../../../bench/crossover.js';
import { describeEnvironment } from '../../../bench/environment.js';
import { benchMatmul } from '../../../bench/matmul.js';
import { benchOverhead } from '../../../bench/overhead.js';
import type { BenchResult } from '../../../bench/result.js';
import { benchSoftmaxCrossEntropy } from '../../../bench/softmax-cross-entropy.js';
import { benchTrain } from '../../../bench/train.js';
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
import { type ContenderOptions, openContenders } from './candidates.js';
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

/** What is timed if no subject is named. */
const USUAL_SUBJECTS = ['matmul', 'softmax-cross-entropy', 'conv2d', 'train'] as const;
const SUBJECTS = [...USUAL_SUBJECTS, 'overhead', 'crossover'] as const;
type Subject = (typeof SUBJECTS)[number];

const TRANSPOSES = ['NN', 'TN', 'NT'] as const;
/** Those without convolutions, which are timed in little time. */
const DEFAULT_RECIPES: readonly RecipeName[] = ['softmax', 'mlp', 'mlp-deep'];

const SUBJECTS_HELP = `
Subjects that are not among the usual four:
  overhead               what a GPU's kernels cost the CPU: µs of encoding and submitting a kernel
  crossover              the size from which each backend is faster than the first one: of products,
                         and of the batches of --recipes`;

interface BenchOptions extends ContenderOptions {
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
    .description('verify against the reference, then time, backends side by side')
    .argument(
      '[subject]',
      `${SUBJECTS.join(', ')}; the first ${USUAL_SUBJECTS.length} if none is named`,
      oneOf(SUBJECTS),
    )
    .option(
      '--sizes <list>',
      'what to time instead of the recipes’ own sizes; see below',
      readSizes,
    )
    .option(
      '--transpose <list>',
      'operands stored transposed, for --sizes of matmul',
      list(oneOf(TRANSPOSES)),
      ['NN'],
    )
    .option('--stride <n>', 'of the windows, for --sizes of conv2d', positiveInteger, 1)
    .option('--padding <n>', 'around the images, for --sizes of conv2d', nonNegativeInteger, 0)
    .option('--recipes <list>', 'recipes to train', list(oneOf(RECIPE_NAMES)), DEFAULT_RECIPES)
    .option(
      '--batches <list>',
      'batch sizes that crossover tries',
      list(positiveInteger),
      CROSSOVER_BATCHES,
    )
    .option(
      '--limit <seconds>',
      'of crossover, for a backend at one size; it tries none that would take longer',
      positiveNumber,
      20,
    )
    .option('--backends <list>', 'backends to time', list(oneOf(EVERY_BACKEND)), ['wasm'])
    .option('--without-robustness', 'time webgpu also without bounds checks in its shaders (Node)')
    .option('--measured-tiles', 'time webgpu also with products in tiles that it measures')
    .option('--subgroups', 'time webgpu also with sums by subgroups')
    .option('--f16', 'time webgpu also with products of 16-bit numbers')
    .option('--threads <list>', 'thread counts of the wasm backend', list(threadCount), [1])
    .option('--revectorize', 'let V8 make 256-bit vectors, where it can')
    .option('--repeat <n>', 'samples of each', positiveInteger, 15)
    .option('--json', 'print one JSON object')
    .option('--csv', 'print comma-separated values');
  return addAdapterOption(command)
    .addHelpText('after', `${SUBJECTS_HELP}\n${SIZES_HELP}`)
    .action(bench);
}

async function bench(subject: Subject | undefined, options: BenchOptions): Promise<void> {
  const contenders: Contender[] = [];
  try {
    await openContenders(contenders, options);
    const measured = await measure(subject, contenders, options);
    const notes = notesOn(contenders, measured);
    const report = { environment: describeEnvironment(), ...measured, notes };
    if (options.json) printJson(report);
    else print(options.csv ? formatCsv(report) : formatReport(report));
    if (measured.results.some(({ verified }) => verified === false)) process.exitCode = 1;
  } finally {
    for (const { backend } of contenders) await backend.close();
  }
}

async function measure(
  subject: Subject | undefined,
  contenders: readonly Contender[],
  options: BenchOptions,
): Promise<{ results: BenchResult[]; crossovers: Crossover[] }> {
  if (subject === 'crossover') {
    return { results: [], crossovers: await crossovers(contenders, options) };
  }
  const results: BenchResult[] = [];
  for (const name of subject ? [subject] : USUAL_SUBJECTS) {
    results.push(...(await benchSubject(name, contenders, options)));
  }
  return { results, crossovers: [] };
}

async function benchSubject(
  subject: Exclude<Subject, 'crossover'>,
  contenders: readonly Contender[],
  { sizes, transpose, stride, padding, recipes, repeat }: BenchOptions,
): Promise<BenchResult[]> {
  switch (subject) {
    case 'matmul':
      return benchMatmul(contenders, matmulShapes(sizes, transpose), repeat);
    case 'softmax-cross-entropy':
      return benchSoftmaxCrossEntropy(contenders, batchShapes(sizes), repeat);
    case 'conv2d':
      return benchConv2d(contenders, convolutionShapes(sizes, stride, padding), repeat);
    case 'train': {
      await using reference = await createBackend('reference');
      const chosen = recipes.map(recipeOf);
      return await benchTrain(contenders, chosen, digits(), reference, repeat);
    }
    case 'overhead':
      return overhead(contenders, recipes, repeat);
    default:
      return subject satisfies never;
  }
}

/** @throws UsageError when none of the backends starts kernels on a GPU, or no recipe has batches */
async function overhead(
  contenders: readonly Contender[],
  recipes: readonly RecipeName[],
  repeat: number,
): Promise<BenchResult[]> {
  const results = await benchOverhead(contenders, recipes.map(recipeOf), digits(), repeat);
  if (results.length > 0) return results;
  if (contenders.some(({ backend }) => backend.info.backend === 'webgpu')) {
    throw new UsageError(
      `bench overhead: expected a recipe of at least two batches, got ${recipes.join(', ')}`,
    );
  }
  throw new UsageError(
    `bench overhead: expected a backend that starts kernels on a GPU, got ${namesOf(contenders)}; name it with --backends webgpu`,
  );
}

/** @throws UsageError when there is nothing to compare */
async function crossovers(
  contenders: readonly Contender[],
  { sizes, batches, recipes, repeat, limit }: BenchOptions,
): Promise<Crossover[]> {
  if (contenders.length < 2) {
    throw new UsageError(
      `bench crossover: expected at least two backends, got ${namesOf(contenders)}; name them with --backends wasm,webgpu`,
    );
  }
  const limits = { repeat, limitSeconds: limit };
  const found = [await crossMatmul(contenders, crossoverSizes(sizes), limits)];
  const drawn = digits();
  for (const name of recipes) {
    found.push(await crossTrain(contenders, RECIPES[name], drawn, batches, limits));
  }
  return found;
}

function digits() {
  return syntheticDigits({ testSize: 1 });
}

function namesOf(contenders: readonly Contender[]): string {
  return contenders.map(({ backend }) => backend.info.backend).join(', ');
}
