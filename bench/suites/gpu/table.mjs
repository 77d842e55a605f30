/** The report as Markdown. */

import { crossoverRows, crossoverSentences, crossoverTitle } from '../../../dist/bench/library.mjs';
import { formatTable, inCell } from '../../harness/table.mjs';

/** @param {{ environment, quick, results, targets }} report */
export function formatReport({ environment, quick, results, targets }) {
  const sections = [
    formatEnvironment(environment, quick),
    formatTargets(targets),
    formatProducts(of(results, 'matmul')),
    ...['conv-fast', 'mlp', 'resnet18'].map((part) => formatTraining(part, of(results, part))),
    formatOverhead(of(results, 'overhead')),
    formatCrossovers(of(results, 'crossover')),
    formatFailures(results.filter(({ error, isAbsent }) => error !== undefined && !isAbsent)),
    formatAbsent(results.filter(({ isAbsent }) => isAbsent)),
  ];
  return `${sections.filter(Boolean).join('\n\n')}\n`;
}

function of(results, part) {
  return results.filter((result) => result.part === part && result.error === undefined);
}

function formatEnvironment(environment, quick) {
  const notes = (environment.notes ?? []).map((note) => `\n${note}`).join('');
  const { adapter, driver, cpu, cores, node, dawn, tensorflow, date, handgrad } = environment;
  const warning = quick
    ? '\n\n**Tiny sizes, which only check that everything runs: the figures mean nothing.**'
    : '';
  return `# handgrad on a GPU

${adapter}${driver ? ` (${driver})` : ''}; ${cpu}, ${cores} cores; Node ${node}, webgpu ${dawn ?? 'unknown'} (Dawn), ${date}.
handgrad ${formatVersion(handgrad)}, ${tensorflow ?? 'no TensorFlow.js'}, ${formatPytorch(environment.pytorch)}. Data: ${environment.digits}.${notes}

Each candidate runs alone, in its own process. \`npm run bench:gpu\` repeats this measurement. The JSON
file of the same name has all figures.${warning}`;
}

function formatVersion({ version, commit }) {
  return commit === undefined ? version : `${version} (${commit})`;
}

function formatPytorch({ error, torch, cuda, cudnn, device, isGpu }) {
  if (error !== undefined) return `no PyTorch (${inCell(error)})`;
  return isGpu
    ? `PyTorch ${torch} (${device}, CUDA ${cuda}, cuDNN ${cudnn})`
    : `PyTorch ${torch} **on the CPU**`;
}

function formatTargets(targets) {
  if (targets.length === 0) return undefined;
  const verdict = (met) => (met === null ? '–' : met ? 'met' : '**missed**');
  const rows = targets.map(({ title, wanted, got, met }) => [title, wanted, got, verdict(met)]);
  return `## Targets\n\n${table(['', 'wanted', 'got', ''], rows, '---')}`;
}

function formatProducts(results) {
  if (results.length === 0) return undefined;
  const rows = results.flatMap(({ candidate, build, products, verified }) =>
    products.map(({ n, ms, kernelMs, gflops, largestError }) => [
      titleOf(candidate, build),
      `${n}³`,
      ms.median.toPrecision(4),
      kernelMs?.toPrecision(4) ?? '–',
      gflops.toFixed(0),
      largestError?.toExponential(1) ?? 'NaN',
      verified ? 'yes' : '**no**',
    ]),
  );
  const header = ['', 'size', 'ms', 'kernel ms', 'GFLOP/s', 'largest error', 'verified'];
  return `## Matrix products

Largest error: of some rows, compared with float64, as a share of Σ|aᵢbᵢ|.

${table(header, rows)}`;
}

function formatTraining(part, results) {
  if (results.length === 0) return undefined;
  const [{ batch, trainSize }] = results;
  const rows = results.map((result) => [
    titleOf(result.candidate, result.build),
    result.seconds.toFixed(3),
    result.coldSeconds?.toFixed(2) ?? '–',
    `${(100 * result.accuracy).toFixed(2)} %`,
    String(result.parameters),
    result.firstLoss.got?.toPrecision(6) ?? 'NaN',
    result.verified ? 'yes' : '**no**',
  ]);
  const header = [
    '',
    's',
    'cold, to the first loss',
    'accuracy',
    'parameters',
    'first loss',
    'verified',
  ];
  return `## ${part}: one epoch of ${trainSize} images, batch ${batch}

Seconds are the median of warm epochs of new models; accuracy is their mean. The first loss, from the
same weights and images, is compared with the wasm backend's.

${table(header, rows)}`;
}

function formatOverhead(results) {
  if (results.length === 0) return undefined;
  const rows = results[0].recipes.map((figures) => [
    figures.recipe,
    String(figures.kernelsPerStep),
    String(figures.kernelsPerSubmit),
    figures.microsecondsPerKernel.toFixed(2),
  ]);
  const header = ['', 'kernels per step', 'kernels per submission', 'µs of CPU per kernel'];
  return `## CPU time per kernel

Encoding and submitting on the calling thread, without the GPU's execution time.

${table(header, rows)}`;
}

function formatCrossovers(results) {
  if (results.length === 0) return undefined;
  const parts = results[0].crossovers.map((crossover) => {
    const rows = table([crossover.size, ...crossover.candidates], crossoverRows(crossover));
    const sentences = crossoverSentences(crossover).join('\n');
    return `${crossoverTitle(crossover)}:\n\n${rows}\n\n${sentences}`;
  });
  return `## Where the GPU becomes faster than the CPU\n\n${parts.join('\n\n')}`;
}

function formatFailures(results) {
  if (results.length === 0) return undefined;
  const rows = results.map(({ part, candidate, error }) => [part, candidate, inCell(error)]);
  return `## Not measured\n\n${table(['part', 'candidate', 'why'], rows, '---')}`;
}

/** Engines and options that are not available: each candidate once, not once per part. */
function formatAbsent(results) {
  if (results.length === 0) return undefined;
  const lines = results.map(({ candidate, error }) => `- ${candidate}: ${inCell(error)}`);
  return `Left out, because they are not available here:\n\n${[...new Set(lines)].join('\n')}`;
}

/** Marks figures of a PyTorch that ran on the CPU. */
function titleOf(candidate, build) {
  return / cpu$/.test(build) ? `${candidate} **on the CPU**` : candidate;
}

function table(header, rows, alignment = '---:') {
  const alignments = header.map((_, i) => (i === 0 ? '---' : alignment));
  return formatTable(header, alignments, rows);
}
