/** Compares handgrad with TensorFlow.js, onnxruntime-web, jax-js and PyTorch on the CPU. */

import { describeMachine, installedVersions, machineSlug } from '../harness/environment.mjs';
import { chooseFrom, parseOptions, readCount } from '../harness/options.mjs';
import { findPytorch } from '../harness/python.mjs';
import { CANDIDATES, ENGINES } from './cpu/candidates.mjs';
import { compare } from './cpu/compare.mjs';
import { SUBJECTS, WORKLOADS } from './cpu/workloads.mjs';

export { formatReport } from './cpu/table.mjs';

const NAMES = WORKLOADS.map(({ name }) => name);

export const USAGE = `npm run bench:peers -- [options]

  --subjects LIST   ${SUBJECTS.join(', ')}
  --shapes LIST     ${NAMES.join(', ')}
  --peers LIST      ${ENGINES.join(', ')}
  --repeat N        samples of each candidate (default: 15)
  --quick           few and short samples, to check that everything runs
  --out DIR         folder of the report (default: bench/results for a full run, else none)`;

const THOROUGH = { repeat: 15, sampleMilliseconds: 100, warmUpMilliseconds: 1000 };
const QUICK = { repeat: 3, sampleMilliseconds: 10, warmUpMilliseconds: 20 };
/** Share of the steps in a training round that a quick run keeps. */
const QUICK_SHARE = 0.1;

/** The system's Python first: a version manager's Python comes first on the path. */
const PYTHONS = ['/usr/bin/python3', 'python3'];

/** @throws RangeError for an unknown value, TypeError for an unknown option */
export function readOptions(args) {
  const { quick, help, out, ...values } = parseOptions(args, [
    'subjects',
    'shapes',
    'peers',
    'repeat',
  ]);
  const subjects = chooseFrom(SUBJECTS, 'subjects', values.subjects);
  const shapes = chooseFrom(NAMES, 'shapes', values.shapes);
  const engines = chooseFrom(ENGINES, 'peers', values.peers);
  const workloads = WORKLOADS.filter(
    ({ subject, name }) => subjects.includes(subject) && shapes.includes(name),
  );
  if (workloads.length === 0) {
    throw new RangeError(`--shapes: expected some of --subjects ${subjects}, got ${shapes}`);
  }
  const timing = quick ? QUICK : THOROUGH;
  return {
    help,
    out,
    workloads: quick ? workloads.map(shorten) : workloads,
    candidates: CANDIDATES.filter(({ engine }) => engines.includes(engine)),
    timing: { ...timing, repeat: readCount('repeat', values.repeat) ?? timing.repeat },
    isFull: !quick && !values.subjects && !values.shapes && !values.peers,
  };
}

export async function measure({ workloads, candidates, timing }, folder) {
  const pytorch = findPytorch(PYTHONS);
  const log = (line) => console.error(line);
  const results = [];
  for (const workload of workloads) {
    results.push(...(await compare(workload, candidates, { folder, timing, pytorch, log })));
  }
  const environment = {
    ...(await describeMachine()),
    peers: await installedVersions(),
    pytorch: pytorch.description ?? { error: pytorch.error },
  };
  return { environment, results };
}

export function nameOf({ environment: { date, cpu } }) {
  return `${date}-${machineSlug(cpu)}`;
}

export function hasFailed({ results }) {
  return results.some(({ verified }) => verified === false);
}

function shorten(workload) {
  if (workload.subject !== 'train') return workload;
  return { ...workload, steps: Math.max(QUICK_SHARE * workload.steps, workload.checkedSteps) };
}
