/** A report as Markdown: the environment, a table per subject, and what was not measured. */

import { formatTable, inCell } from '../../harness/table.mjs';
import { CANDIDATES, labelOf } from './candidates.mjs';
import { SUBJECTS, titleOf, WORKLOADS } from './workloads.mjs';

const RATIO = 'in brackets, the speed relative to handgrad on one thread';
const CAPTIONS = {
  matmul: `## Products C = A·B

GFLOP/s of the median; ${RATIO}. M×K×N; T marks a transposed operand, A first.`,
  conv2d: `## Convolutions

GFLOP/s of the median; ${RATIO}. 3×3, 32 → 64 channels, on 32 images of 13×13, without padding.`,
  train: `## Training steps

Milliseconds per step (forward, backward, update), median; ${RATIO}. The learning rate is fixed.
\`resnet18\` is timed for handgrad and PyTorch only; the others would take minutes.`,
  epoch: `## An epoch

Median seconds for 60,000 images, and accuracy on the 10,000 test images afterwards. All candidates have
the same initial weights and the same order of batches.`,
};
const UNITS = { matmul: 'product', conv2d: 'run', train: 'step', epoch: 'epoch' };
/** Figures from fewer products or steps get a note. */
const MANY = 50;

/** @param {{ environment: object, results: readonly import('./results.mjs').Result[] }} report */
export function formatReport({ environment, results }) {
  const measured = results.filter(({ error }) => error === undefined);
  const missing = results.filter(({ error }) => error !== undefined);
  const subjects = SUBJECTS.map((subject) => measured.filter(({ op }) => op === subject));
  const sections = [
    formatEnvironment(environment),
    ...subjects.filter(({ length }) => length > 0).map(formatSubject),
    ...formatFewSamples(measured),
    ...(missing.length > 0 ? [formatMissing(missing)] : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

function formatEnvironment({ date, cpu, cores, platform, node, v8, handgrad, peers, pytorch }) {
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  const commit = handgrad.commit ? ` (${handgrad.commit})` : '';
  return `# handgrad and its peers

${cpu}, ${cores} cores, ${platform}, Node ${node} (V8 ${v8}), ${date}.
handgrad ${handgrad.version}${commit}, ${versions.join(', ')}, ${formatPytorch(pytorch)}.

Each candidate runs in its own process and is timed after its result was verified against float64.
Samples are interleaved; only one candidate computes at a time. \`npm run bench:peers\` repeats this
comparison. The JSON file of the same name has all figures.`;
}

function formatPytorch({ error, torch, python, blas, variables }) {
  if (error !== undefined) return `no PyTorch (${inCell(error)})`;
  const kernels = blas.kernels ? ` with ${blas.kernels} kernels` : '';
  const settings = Object.entries(variables).map(([name, value]) => `, ${name}=${value}`);
  return `PyTorch ${torch} (Python ${python}, ${blas.name}${kernels}${settings.join('')})`;
}

/** @param {readonly import('./results.mjs').Result[]} results of one subject */
function formatSubject(results) {
  const present = new Set(results.map(({ candidate }) => candidate));
  const columns = CANDIDATES.map(labelOf).filter((label) => present.has(label));
  const rows = WORKLOADS.flatMap((workload) => {
    const own = results.filter((result) => result.workload === workload.name);
    if (own.length === 0) return [];
    const cell = (column) => formatCell(own.find(({ candidate }) => candidate === column));
    return [[titleOf(workload), ...columns.map(cell)]];
  });
  const table = formatTable(['', ...columns], ['---', ...columns.map(() => '---:')], rows);
  return `${CAPTIONS[results[0].op]}\n\n${table}`;
}

function formatCell(result) {
  if (result === undefined) return '–';
  const { ratio } = result;
  const figure = formatFigure(result);
  return ratio === undefined ? figure : `${figure} (${formatRatio(ratio)})`;
}

function formatFigure({ gflops, stepMs, seconds, accuracy }) {
  if (gflops !== undefined) return formatGflops(gflops);
  if (stepMs !== undefined) return formatMilliseconds(stepMs.median);
  return `${seconds.median.toFixed(2)} s, ${(100 * accuracy).toFixed(2)} %`;
}

/** Three digits, without an exponent. */
function formatMilliseconds(milliseconds) {
  return milliseconds < 100 ? milliseconds.toPrecision(3) : milliseconds.toFixed(0);
}

function formatGflops(gflops) {
  return gflops < 1 ? gflops.toPrecision(2) : gflops.toFixed(1);
}

function formatRatio(ratio) {
  return `${ratio < 0.1 ? ratio.toPrecision(1) : ratio.toFixed(2)}×`;
}

/** Lists candidates that were too slow for the full number of samples. */
function formatFewSamples(results) {
  const most = Math.max(...results.map(({ samples }) => samples ?? 0));
  const few = results.filter(({ samples, timed }) => samples < most && timed < MANY);
  if (few.length === 0) return [];
  const parts = few.map(({ candidate, workload, timed, op }) => {
    const unit = UNITS[op];
    return `${candidate}: ${workload}, ${timed} ${unit}${timed === 1 ? '' : 's'}`;
  });
  return [`Slow candidates with fewer samples: ${parts.join('; ')}.`];
}

/** Each error of a candidate, with all workloads that it prevented. */
function formatMissing(results) {
  const workloads = new Map();
  for (const { candidate, error, workload } of results) {
    const key = JSON.stringify([candidate, error]);
    workloads.set(key, [...(workloads.get(key) ?? []), workload]);
  }
  const rows = [...workloads].map(([key, names]) => {
    const [candidate, error] = JSON.parse(key);
    return [candidate, summariseWorkloads(names), inCell(error)];
  });
  const table = formatTable(['candidate', 'workload', 'why'], ['---', '---', '---'], rows);
  return `## Not measured\n\n${table}`;
}

/** `all train` for all workloads of a subject, else their names. */
function summariseWorkloads(names) {
  const parts = SUBJECTS.flatMap((subject) => {
    const all = WORKLOADS.filter((workload) => workload.subject === subject).map(
      ({ name }) => name,
    );
    const own = all.filter((name) => names.includes(name));
    return own.length === all.length ? [`all ${subject}`] : own;
  });
  return parts.join(', ');
}
