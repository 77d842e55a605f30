/** The report as markdown. */

import { formatTable, inCell } from '../peers/markdown.mjs';

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
    ? '\n\n**Tiny sizes, to see whether everything runs: no figure here means anything.**'
    : '';
  return `# handgrad on a GPU

${adapter}${driver ? ` (${driver})` : ''}; ${cpu}, ${cores} cores; Node ${node}, webgpu ${dawn ?? 'unknown'} (Dawn), ${date}.
handgrad ${handgrad}, ${tensorflow ?? 'no TensorFlow.js'}, ${formatPytorch(environment.pytorch)}. Data: ${environment.digits}.${notes}

Each contestant runs alone, in a process of its own. \`npm run bench:gpu\` repeats this; the JSON file
beside has all figures.${warning}`;
}

function formatPytorch({ error, torch, cuda, cudnn, device, isGpu }) {
  if (error !== undefined) return `no PyTorch (${inCell(error)})`;
  return isGpu
    ? `PyTorch ${torch} (${device}, CUDA ${cuda}, cuDNN ${cudnn})`
    : `PyTorch ${torch} **on the CPU**`;
}

function formatTargets(targets) {
  if (targets.length === 0) return undefined;
  const word = (met) => (met === null ? '–' : met ? 'met' : '**missed**');
  const rows = targets.map(({ title, wanted, got, met }) => [title, wanted, got, word(met)]);
  return `## Targets\n\n${table(['', 'wanted', 'got', ''], rows, '---')}`;
}

function formatProducts(results) {
  if (results.length === 0) return undefined;
  const rows = results.flatMap(({ contestant, build, products, verified }) =>
    products.map(({ n, ms, kernelMs, gflops, largestError }) => [
      titleOf(contestant, build),
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

Largest error: of some rows against float64, as a part of Σ|aᵢbᵢ|.

${table(header, rows)}`;
}

function formatTraining(part, results) {
  if (results.length === 0) return undefined;
  const [{ batch, trainSize }] = results;
  const rows = results.map((result) => [
    titleOf(result.contestant, result.build),
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
    'to the first loss, cold',
    'accuracy',
    'parameters',
    'first loss',
    'verified',
  ];
  return `## ${part}: one epoch of ${trainSize} images, batch ${batch}

Seconds are the median of warm epochs of new models, accuracy their mean. The first loss is from the
same weights and images; it is compared with that of the wasm backend.

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
  const header = ['', 'kernels a step', 'kernels a submission', 'µs of CPU a kernel'];
  return `## What a kernel costs the CPU

Encoding and submitting, on the thread that does it, without what the GPU does meanwhile.

${table(header, rows)}`;
}

function formatCrossovers(results) {
  if (results.length === 0) return undefined;
  const parts = results[0].crossovers.map(({ op, recipe, size, contenders, points, wins }) => {
    const title = op === 'matmul' ? 'ms of a product n×n×n' : `ms of a step of ${recipe}`;
    const rows = points.map((point) => [
      String(point.size),
      ...point.ms.map((ms) => ms?.toPrecision(4) ?? 'too long'),
    ]);
    const sentences = wins.map((win) => formatWin(win, size, contenders[0]));
    return `${title}:\n\n${table([size, ...contenders], rows)}\n\n${sentences.join('\n')}`;
  });
  return `## Where the GPU overtakes the CPU\n\n${parts.join('\n\n')}`;
}

/** As `handgrad bench` says it. */
function formatWin({ contender, from, upTo }, size, first) {
  if (upTo === null) return `${contender} was not compared with ${first}.`;
  return from === null
    ? `${contender} never beats ${first}, up to ${size} = ${upTo}.`
    : `${contender} beats ${first} from ${size} = ${from} on, up to ${upTo}.`;
}

function formatFailures(results) {
  if (results.length === 0) return undefined;
  const rows = results.map(({ part, contestant, error }) => [part, contestant, inCell(error)]);
  return `## Not measured\n\n${table(['part', 'contestant', 'why'], rows, '---')}`;
}

/** What this machine cannot have: each contestant once, whatever it would have done. */
function formatAbsent(results) {
  if (results.length === 0) return undefined;
  const lines = results.map(({ contestant, error }) => `- ${contestant}: ${inCell(error)}`);
  return `Left out, since they cannot be had here:\n\n${[...new Set(lines)].join('\n')}`;
}

/** PyTorch may have had to take the CPU, which a figure must not hide. */
function titleOf(contestant, build) {
  return / cpu$/.test(build) ? `${contestant} **on the CPU**` : contestant;
}

function table(header, rows, alignment = '---:') {
  const alignments = header.map((_, i) => (i === 0 ? '---' : alignment));
  return formatTable(header, alignments, rows);
}
