import { Command } from 'commander';
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
import { RECIPE_NAMES, type RecipeName, recipeOf } from '../recipes.js';
import { list, oneOf, positiveInteger, threadCount } from './options.js';
import { print, printJson } from './output.js';
import { formatTable } from './table.js';

const SUBJECTS = ['matmul', 'softmax-cross-entropy', 'train'] as const;
type Subject = (typeof SUBJECTS)[number];

const BACKENDS = ['wasm', 'reference'] as const;
const TRANSPOSES = ['NN', 'TN', 'NT'] as const;
const DEFAULT_RECIPES: readonly RecipeName[] = ['softmax', 'mlp', 'mlp-deep'];

interface BenchOptions {
  readonly sizes?: readonly number[][];
  readonly transpose: readonly (typeof TRANSPOSES)[number][];
  readonly recipes: readonly RecipeName[];
  readonly backends: readonly (typeof BACKENDS)[number][];
  readonly threads: readonly number[];
  readonly revectorize?: true;
  readonly repeat: number;
  readonly json?: true;
  readonly csv?: true;
}

export function benchCommand(): Command {
  return new Command('bench')
    .description('verify against the reference, then time, backends side by side')
    .argument('[subject]', `${SUBJECTS.join(', ')}; all of them if none is named`, oneOf(SUBJECTS))
    .option(
      '--sizes <list>',
      'M×K×N of products as 64x784x30,…, or batch×classes as 64x10,…',
      sizes,
    )
    .option(
      '--transpose <list>',
      'operands stored transposed, for --sizes',
      list(oneOf(TRANSPOSES)),
      ['NN'],
    )
    .option('--recipes <list>', 'recipes to train', list(oneOf(RECIPE_NAMES)), DEFAULT_RECIPES)
    .option('--backends <list>', 'backends to time', list(oneOf(BACKENDS)), ['wasm'])
    .option('--threads <list>', 'thread counts of the wasm backend', list(threadCount), [1])
    .option('--revectorize', 'let V8 make 256-bit vectors, where it can')
    .option('--repeat <n>', 'samples of each', positiveInteger, 15)
    .option('--json', 'print one JSON object')
    .option('--csv', 'print comma-separated values')
    .action(bench);
}

async function bench(subject: Subject | undefined, options: BenchOptions): Promise<void> {
  const backends: Backend[] = [];
  try {
    for (const name of options.backends) {
      const counts = name === 'wasm' ? options.threads : [1];
      for (const threads of counts) {
        const revectorize = options.revectorize === true;
        backends.push(await createBackend(name, { threads, revectorize }));
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
  { sizes, transpose, recipes, repeat }: BenchOptions,
): Promise<BenchResult[]> {
  switch (subject) {
    case 'matmul':
      return benchMatmul(backends, matmulShapes(sizes, transpose), repeat);
    case 'softmax-cross-entropy':
      return benchSoftmaxCrossEntropy(backends, batchShapes(sizes), repeat);
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

/** @throws RangeError when a size is of another subject */
function sizesOfLength(
  sizes: readonly number[][],
  length: number,
  subject: Subject,
  example: string,
): readonly number[][] {
  const wrong = sizes.find((size) => size.length !== length);
  if (!wrong) return sizes;
  throw new RangeError(
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
    'op,shape,backend,build,threads,min_ms,median_ms,p95_ms,gflops,gigabytes_per_second,images_per_second,roof_fraction,verified';
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
    Object.values(result.shape).join(' × '),
    `${result.backend} ${result.build}, ${result.threads}`,
    timing ? timing.median.toPrecision(4) : '',
    timing ? timing.p95.toPrecision(4) : '',
    formatRate(result),
    result.roofFraction === undefined ? '' : `${(100 * result.roofFraction).toFixed(0)} %`,
    result.verified ? 'yes' : 'NO',
  ];
}

function formatRate({ gflops, gigabytesPerSecond, imagesPerSecond }: BenchResult): string {
  if (gflops !== undefined) return `${gflops.toFixed(1)} GFLOP/s`;
  if (gigabytesPerSecond !== undefined) return `${gigabytesPerSecond.toFixed(1)} GB/s`;
  return imagesPerSecond === undefined ? '' : `${Math.round(imagesPerSecond)} images/s`;
}
