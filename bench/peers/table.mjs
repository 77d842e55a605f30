/** A report as Markdown: what was measured on, a table per subject, and what is missing from them. */

import { CONTESTANTS, labelOf } from './contestants.mjs';
import { formatTable, inCell } from './markdown.mjs';
import { SUBJECTS, titleOf, WORK } from './work.mjs';

const RATIO = 'in brackets, how many times as fast as handgrad on one thread';
const CAPTIONS = {
  matmul: `## Products C = A·B

GFLOP/s of the median; ${RATIO}. M×K×N; T marks an operand that is stored transposed, A first.`,
  conv2d: `## Convolutions

GFLOP/s of the median; ${RATIO}. 3×3, 32 → 64 channels, on 32 images of 13×13, without padding.`,
  train: `## Training steps

Milliseconds per step (forward, backward, update), median; ${RATIO}. The learning rate is fixed.
\`resnet18\` is asked of handgrad and PyTorch only, since it would take the others minutes.`,
  epoch: `## An epoch

Seconds for 60,000 images, median, and accuracy on the 10,000 test images afterwards, all from the same
initial weights and with the batches in the same order.`,
};
const UNITS = { matmul: 'product', conv2d: 'run', train: 'step', epoch: 'epoch' };
/** A figure from so many products or steps needs no note. */
const MANY = 50;

/** @param {{ environment: object, results: readonly import('./result.mjs').Result[] }} report */
export function formatReport({ environment, results }) {
  const measured = results.filter(({ error }) => error === undefined);
  const missing = results.filter(({ error }) => error !== undefined);
  const subjects = SUBJECTS.map((subject) => measured.filter(({ op }) => op === subject));
  const sections = [
    formatEnvironment(environment),
    ...subjects.filter(({ length }) => length > 0).map(formatSubject),
    ...formatSeldom(measured),
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

Contestants compute in turn, one at a time, each in a process of its own, after its result has been
checked against float64. \`npm run bench:peers\` repeats this; the JSON file beside has all figures.`;
}

function formatPytorch({ error, torch, python, blas, variables }) {
  if (error !== undefined) return `no PyTorch (${inCell(error)})`;
  const kernels = blas.kernels ? ` with ${blas.kernels} kernels` : '';
  const settings = Object.entries(variables).map(([name, value]) => `, ${name}=${value}`);
  return `PyTorch ${torch} (Python ${python}, ${blas.name}${kernels}${settings.join('')})`;
}

/** @param {readonly import('./result.mjs').Result[]} results of one subject */
function formatSubject(results) {
  const present = new Set(results.map(({ contestant }) => contestant));
  const columns = CONTESTANTS.map(labelOf).filter((contestant) => present.has(contestant));
  const rows = WORK.flatMap((work) => {
    const own = results.filter((result) => result.work === work.name);
    if (own.length === 0) return [];
    const cell = (column) => formatCell(own.find(({ contestant }) => contestant === column));
    return [[titleOf(work), ...columns.map(cell)]];
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

/** Three digits, and no exponents. */
function formatMilliseconds(milliseconds) {
  return milliseconds < 100 ? milliseconds.toPrecision(3) : milliseconds.toFixed(0);
}

function formatGflops(gflops) {
  return gflops < 1 ? gflops.toPrecision(2) : gflops.toFixed(1);
}

function formatRatio(ratio) {
  return `${ratio < 0.1 ? ratio.toPrecision(1) : ratio.toFixed(2)}×`;
}

/** Says so where contestants were so slow that the race cut their samples short. */
function formatSeldom(results) {
  const most = Math.max(...results.map(({ samples }) => samples ?? 0));
  const seldom = results.filter(({ samples, timed }) => samples < most && timed < MANY);
  if (seldom.length === 0) return [];
  const parts = seldom.map(({ contestant, work, timed, op }) => {
    const unit = UNITS[op];
    return `${contestant}: ${work}, ${timed} ${unit}${timed === 1 ? '' : 's'}`;
  });
  return [`Slow, and so timed less often: ${parts.join('; ')}.`];
}

/** Every contestant that could not do something, with its own words. */
function formatMissing(results) {
  const works = new Map();
  for (const { contestant, error, work } of results) {
    const key = JSON.stringify([contestant, error]);
    works.set(key, [...(works.get(key) ?? []), work]);
  }
  const rows = [...works].map(([key, names]) => {
    const [contestant, error] = JSON.parse(key);
    return [contestant, summariseWork(names), inCell(error)];
  });
  const table = formatTable(['contestant', 'work', 'why'], ['---', '---', '---'], rows);
  return `## Not measured\n\n${table}`;
}

/** A subject's name stands for all work of it. */
function summariseWork(names) {
  const parts = SUBJECTS.flatMap((subject) => {
    const all = WORK.filter((work) => work.subject === subject).map(({ name }) => name);
    const own = all.filter((name) => names.includes(name));
    return own.length === all.length ? [`all ${subject}`] : own;
  });
  return parts.join(', ');
}
