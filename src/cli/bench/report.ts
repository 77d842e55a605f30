/** The text and CSV output of `handgrad bench`. */

import { labelOf } from '../../bench/candidate.js';
import type { Crossover } from '../../bench/crossover.js';
import { crossoverRows, crossoverSentences, crossoverTitle } from '../../bench/crossover-text.js';
import type { BenchReport } from '../../bench/report.js';
import type { BenchResult, Transfer } from '../../bench/result.js';
import { formatTable } from '../output/table.js';

interface Column {
  readonly title: string;
  /** Undefined if a result has no such figure. */
  cell(result: BenchResult): string | undefined;
  /** Shown only if some result has it. */
  readonly isOptional?: true;
}

const COLUMNS: readonly Column[] = [
  { title: 'op', cell: ({ op }) => op },
  { title: 'shape', cell: formatShape },
  { title: 'backend, threads', cell: labelOf },
  { title: 'ms', cell: (result) => timingOf(result)?.median.toPrecision(4) },
  { title: 'p95', cell: (result) => timingOf(result)?.p95.toPrecision(4) },
  { title: 'kernels', cell: ({ kernelMs }) => kernelMs?.toPrecision(4), isOptional: true },
  { title: 'cold', cell: ({ coldMs }) => coldMs?.toPrecision(4), isOptional: true },
  { title: 'upload', cell: ({ transfer }) => transfer && formatUpload(transfer), isOptional: true },
  {
    title: 'read back',
    cell: ({ transfer }) => transfer && formatReadback(transfer),
    isOptional: true,
  },
  { title: 'rate', cell: formatRate },
  { title: 'of peak', cell: formatPeakFraction },
  { title: 'verified', cell: formatVerified },
];

/** Environment, table of results, crossovers and notes. */
export function formatReport({ environment, results, crossovers, notes }: BenchReport): string {
  const { cpu, cores, platform, node, date } = environment;
  const sections = [`${cpu}, ${cores} cores, ${platform}, Node ${node}, ${date}`];
  if (results.length > 0) sections.push(formatResults(results));
  sections.push(...crossovers.map(formatCrossover));
  if (notes.length > 0) sections.push(notes.join('\n'));
  return sections.join('\n\n');
}

function formatResults(results: readonly BenchResult[]): string {
  // Columns about GPUs are left out if no GPU was measured.
  const hasGpu = results.some(({ backend }) => backend === 'webgpu');
  const isShown = ({ isOptional, cell }: Column) =>
    !isOptional || (hasGpu && results.some((result) => cell(result) !== undefined));
  const columns = COLUMNS.filter(isShown);
  const rows = results.map((result) => columns.map(({ cell }) => cell(result) ?? ''));
  return formatTable(
    columns.map(({ title }) => title),
    rows,
  );
}

function formatCrossover(crossover: Crossover): string {
  const { size, candidates: labels } = crossover;
  const table = formatTable([size, ...labels], crossoverRows(crossover), ['right']);
  return [`${crossoverTitle(crossover)}:`, table, ...crossoverSentences(crossover)].join('\n');
}

/** One line per result, or per backend and size of a crossover; numbers are not rounded. */
export function formatCsv({ results, crossovers }: BenchReport): string {
  return crossovers.length > 0 ? crossoversToCsv(crossovers) : resultsToCsv(results);
}

function crossoversToCsv(crossovers: readonly Crossover[]): string {
  const lines = crossovers.flatMap(({ op, recipe, candidates: labels, points }) =>
    points.flatMap(({ size, ms }) =>
      labels.map((label, i) => line([op, recipe, size, label, ms[i] ?? undefined])),
    ),
  );
  return ['op,recipe,size,backend,median_ms', ...lines].join('\n');
}

/** The sizes of an op, or the recipe, share one column. */
function resultsToCsv(results: readonly BenchResult[]): string {
  const header =
    'op,shape,backend,build,threads,min_ms,median_ms,p95_ms,' +
    'gflops,gigabytes_per_second,images_per_second,roof_fraction,verified,' +
    'variant,kernel_ms,cold_ms,upload_bytes,upload_ms,readback_bytes,readback_ms,' +
    'microseconds_per_kernel';
  const lines = results.map((result) => {
    const { transfer } = result;
    const timing = timingOf(result);
    return line([
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
      result.variant,
      result.kernelMs,
      result.coldMs,
      transfer?.uploadBytes,
      transfer?.uploadMs,
      transfer?.readbackBytes,
      transfer?.readbackMs,
      result.overhead?.microsecondsPerKernel,
    ]);
  });
  return [header, ...lines].join('\n');
}

type Value = string | number | boolean | undefined;

function line(values: readonly Value[]): string {
  return values.map(quoted).join(',');
}

/** Quotes a value that contains a comma, such as the name of an adapter. */
function quoted(value: Value): string {
  const text = String(value ?? '');
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function timingOf({ ms, stepMs }: BenchResult) {
  return ms ?? stepMs;
}

/** Extents, then stride, padding and pass of a convolution: `64 × 7 × 7 × 64 × 128 × 3, stride 2, padding 1, forward`. */
function formatShape({ shape: { stride, padding, pass, ...extents } }: BenchResult): string {
  const sizes = Object.values(extents).join(' × ');
  return pass === undefined ? sizes : `${sizes}, stride ${stride}, padding ${padding}, ${pass}`;
}

function formatRate(result: BenchResult): string {
  const { gflops, gigabytesPerSecond, imagesPerSecond, overhead } = result;
  if (gflops !== undefined) return `${gflops.toFixed(1)} GFLOP/s`;
  if (gigabytesPerSecond !== undefined) return `${gigabytesPerSecond.toFixed(1)} GB/s`;
  if (overhead !== undefined) {
    return `${overhead.microsecondsPerKernel.toFixed(2)} µs of CPU a kernel`;
  }
  return imagesPerSecond === undefined ? '' : `${Math.round(imagesPerSecond)} images/s`;
}

/** Undefined if nothing was compared. */
function formatVerified({ verified }: BenchResult): string | undefined {
  if (verified === undefined) return undefined;
  return verified ? 'yes' : 'NO';
}

function formatPeakFraction({ roofFraction }: BenchResult): string | undefined {
  return roofFraction === undefined ? undefined : `${(100 * roofFraction).toFixed(0)} %`;
}

function formatUpload({ uploadBytes, uploadMs }: Transfer): string {
  return formatTransfer(uploadBytes, uploadMs);
}

function formatReadback({ readbackBytes, readbackMs }: Transfer): string {
  return formatTransfer(readbackBytes, readbackMs);
}

/** `0.2131 (4.9 GB/s)` */
function formatTransfer(bytes: number, milliseconds: number): string {
  return `${milliseconds.toPrecision(4)} (${(bytes / milliseconds / 1e6).toPrecision(2)} GB/s)`;
}
