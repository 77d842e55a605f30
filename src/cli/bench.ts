import { Command } from 'commander';
import {
  benchConv2d,
  CONV2D_SHAPES,
  type ConvolutionShape,
  convolution,
} from '../../bench/conv2d.js';
import { describeEnvironment } from '../../bench/environment.js';
import { benchMatmul, MATMUL_SHAPES, type MatmulShape } from '../../bench/matmul.js';
import type { BenchReport, BenchResult } from '../../bench/result.js';
import {
  type BatchShape,
  benchSoftmaxCrossEntropy,
  SOFTMAX_SHAPES,
} from '../../bench/softmax-cross-entropy.js';
import { benchTrain } from '../../bench/train.js';
import type { Backend } from '../backends/backend.js';
import { createBackend } from '../backends/create.js';
import { syntheticDigits } from '../data/synthetic.js';
import { ShapeError } from '../errors.js';
import { RECIPE_NAMES, type RecipeName, recipeOf } from '../recipes.js';
import { UsageError } from './failure.js';
import {
  addAdapterOption,
  list,
  nonNegativeInteger,
  oneOf,
  positiveInteger,
  threadCount,
} from './options.js';
import { print, printJson } from './output.js';
import { formatTable } from './table.js';

const SUBJECTS = ['matmul', 'softmax-cross-entropy', 'conv2d', 'train'] as const;
type Subject = (typeof SUBJECTS)[number];

const BACKENDS = ['wasm', 'webgpu', 'reference'] as const;
const TRANSPOSES = ['NN', 'TN', 'NT'] as const;
const DEFAULT_RECIPES: readonly RecipeName[] = ['softmax', 'mlp', 'mlp-deep'];

const SIZES_HELP = `
Sizes:
  matmul                 M×K×N                                       64x784x30,…
  softmax-cross-entropy  batch×classes                               64x10,…
  conv2d                 batch×height×width×inputs×outputs×kernel    32x13x13x32x64x3,…

conv2d times the forward pass and the gradients of input and weight, but not the gradient of an
input of one channel, which no training needs. Its GFLOP/s count the multiply-adds that meet the
image: those of padding are left out. A large result is compared with the reference in part.`;

interface BenchOptions {
  readonly sizes?: readonly number[][];
  readonly transpose: readonly (typeof TRANSPOSES)[number][];
  readonly stride: number;
  readonly padding: number;
  readonly recipes: readonly RecipeName[];
  readonly backends: readonly (typeof BACKENDS)[number][];
  readonly threads: readonly number[];
  readonly adapter?: string;
  readonly revectorize?: true;
  readonly repeat: number;
  readonly json?: true;
  readonly csv?: true;
}

export function benchCommand(): Command {
  const command = new Command('bench')
    .description('verify against the reference, then time, backends side by side')
    .argument('[subject]', `${SUBJECTS.join(', ')}; all of them if none is named`, oneOf(SUBJECTS))
    .option('--sizes <list>', 'what to time instead of the recipes’ own sizes; see below', sizes)
    .option(
      '--transpose <list>',
      'operands stored transposed, for --sizes of matmul',
      list(oneOf(TRANSPOSES)),
      ['NN'],
    )
    .option('--stride <n>', 'of the windows, for --sizes of conv2d', positiveInteger, 1)
    .option('--padding <n>', 'around the images, for --sizes of conv2d', nonNegativeInteger, 0)
    .option('--recipes <list>', 'recipes to train', list(oneOf(RECIPE_NAMES)), DEFAULT_RECIPES)
    .option('--backends <list>', 'backends to time', list(oneOf(BACKENDS)), ['wasm'])
    .option('--threads <list>', 'thread counts of the wasm backend', list(threadCount), [1])
    .option('--revectorize', 'let V8 make 256-bit vectors, where it can')
    .option('--repeat <n>', 'samples of each', positiveInteger, 15)
    .option('--json', 'print one JSON object')
    .option('--csv', 'print comma-separated values');
  return addAdapterOption(command).addHelpText('after', SIZES_HELP).action(bench);
}

async function bench(subject: Subject | undefined, options: BenchOptions): Promise<void> {
  const backends: Backend[] = [];
  try {
    for (const name of options.backends) {
      const counts = name === 'wasm' ? options.threads : [1];
      for (const threads of counts) {
        const revectorize = options.revectorize === true;
        const { adapter } = options;
        const gpu = adapter === undefined ? {} : { adapter };
        backends.push(await createBackend(name, { threads, revectorize, ...gpu }));
      }
    }
    const results: BenchResult[] = [];
    for (const name of subject ? [subject] : SUBJECTS) {
      results.push(...(await benchSubject(name, backends, options)));
    }
    const report: BenchReport = { environment: describeEnvironment(), results };
    if (options.json) printJson(report);
    else print(options.csv ? formatCsv(report) : formatReport(report));
    if (results.some(({ verified }) => !verified)) process.exitCode = 1;
  } finally {
    for (const backend of backends) await backend.close();
  }
}

async function benchSubject(
  subject: Subject,
  backends: readonly Backend[],
  options: BenchOptions,
): Promise<BenchResult[]> {
  const { sizes, transpose, recipes, repeat } = options;
  switch (subject) {
    case 'matmul':
      return benchMatmul(backends, matmulShapes(sizes, transpose), repeat);
    case 'softmax-cross-entropy':
      return benchSoftmaxCrossEntropy(backends, batchShapes(sizes), repeat);
    case 'conv2d':
      return benchConv2d(backends, convolutionShapes(options), repeat);
    case 'train': {
      await using reference = await createBackend('reference');
      const digits = syntheticDigits({ testSize: 1 });
      return await benchTrain(backends, recipes.map(recipeOf), digits, reference, repeat);
    }
    default:
      return subject satisfies never;
  }
}

function matmulShapes(
  sizes: BenchOptions['sizes'],
  transposes: BenchOptions['transpose'],
): readonly MatmulShape[] {
  if (!sizes) return MATMUL_SHAPES;
  const products = sizesOfLength(sizes, 3, 'matmul', '64x784x30');
  return products.flatMap(([m, k, n]) => transposes.map((transpose) => ({ m, k, n, transpose })));
}

function batchShapes(sizes: BenchOptions['sizes']): readonly BatchShape[] {
  if (!sizes) return SOFTMAX_SHAPES;
  const batches = sizesOfLength(sizes, 2, 'softmax-cross-entropy', '64x10');
  return batches.map(([batch, classes]) => ({ batch, classes }));
}

/** @throws UsageError when a kernel does not fit into its image */
function convolutionShapes({ sizes, stride, padding }: BenchOptions): readonly ConvolutionShape[] {
  if (!sizes) return CONV2D_SHAPES;
  const convolutions = sizesOfLength(sizes, 6, 'conv2d', '32x13x13x32x64x3');
  try {
    return convolutions.map(([batch, height, width, inputs, outputs, kernel]) =>
      convolution([batch, height, width, inputs, outputs, kernel], stride, padding),
    );
  } catch (error) {
    throw error instanceof ShapeError ? new UsageError(`bench ${error.message}`) : error;
  }
}

/** @throws UsageError when a size is of another subject */
function sizesOfLength(
  sizes: readonly number[][],
  length: number,
  subject: Subject,
  example: string,
): readonly number[][] {
  const wrong = sizes.find((size) => size.length !== length);
  if (!wrong) return sizes;
  throw new UsageError(
    `bench ${subject}: expected sizes such as ${example}, got ${wrong.join('x')}; name the subject they are for`,
  );
}

/** `64x784x30,512x512x512` → [[64, 784, 30], [512, 512, 512]]. */
const sizes = list((text) => text.split(/[x×]/).map(positiveInteger));

function formatReport({ environment, results }: BenchReport): string {
  const { cpu, cores, platform, node, date } = environment;
  const header = `${cpu}, ${cores} cores, ${platform}, Node ${node}, ${date}`;
  const columns = ['op', 'shape', 'backend, threads', 'ms', 'p95', 'rate', 'of roof', 'verified'];
  return `${header}\n\n${formatTable(columns, results.map(formatResult))}`;
}

/** Sizes of an op, or the recipe, in one column; numbers unrounded. */
function formatCsv({ results }: BenchReport): string {
  const header =
    'op,shape,backend,build,threads,min_ms,median_ms,p95_ms,' +
    'gflops,gigabytes_per_second,images_per_second,roof_fraction,verified';
  const lines = results.map((result) => {
    const timing = result.ms ?? result.stepMs;
    return [
      result.op,
      Object.values(result.shape).join('x'),
      result.backend,
      result.build,
      result.threads,
      timing?.min,
      timing?.median,
      timing?.p95,
      result.gflops,
      result.gigabytesPerSecond,
      result.imagesPerSecond,
      result.roofFraction,
      result.verified,
    ].join(',');
  });
  return [header, ...lines].join('\n');
}

function formatResult(result: BenchResult): string[] {
  const timing = result.ms ?? result.stepMs;
  return [
    result.op,
    formatShape(result),
    formatContestant(result),
    timing ? timing.median.toPrecision(4) : '',
    timing ? timing.p95.toPrecision(4) : '',
    formatRate(result),
    result.roofFraction === undefined ? '' : `${(100 * result.roofFraction).toFixed(0)} %`,
    result.verified ? 'yes' : 'NO',
  ];
}

/** `wasm relaxed, 2`; a GPU has no threads to count. */
function formatContestant({ backend, build, threads }: BenchResult): string {
  return backend === 'webgpu' ? `${backend} ${build}` : `${backend} ${build}, ${threads}`;
}

/** Extents, then what windows have beside them: `64 × 7 × 7 × 64 × 128 × 3, stride 2, padding 1, forward`. */
function formatShape({ shape: { stride, padding, pass, ...extents } }: BenchResult): string {
  const sizes = Object.values(extents).join(' × ');
  return pass === undefined ? sizes : `${sizes}, stride ${stride}, padding ${padding}, ${pass}`;
}

function formatRate({ gflops, gigabytesPerSecond, imagesPerSecond }: BenchResult): string {
  if (gflops !== undefined) return `${gflops.toFixed(1)} GFLOP/s`;
  if (gigabytesPerSecond !== undefined) return `${gigabytesPerSecond.toFixed(1)} GB/s`;
  return imagesPerSecond === undefined ? '' : `${Math.round(imagesPerSecond)} images/s`;
}
