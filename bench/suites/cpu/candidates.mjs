/** The candidates of the CPU suite: each engine with each of its devices and thread counts. */

import { operationsOf } from './workloads.mjs';

/**
 * @typedef {object} Candidate
 * @property {string} engine the module in engines/
 * @property {string} title
 * @property {string} device the engine's own name of its backend or device
 * @property {number} threads
 * @property {(workload: import('./workloads.mjs').Workload) => string | undefined} [skips] returns the
 *   reason to leave out a workload
 * @property {(workload: import('./workloads.mjs').Workload) =>
 *   { steps: number, checkedSteps: number } | undefined} [share] a shorter round, for a workload that
 *   would take minutes
 */

/** A round of one step, for steps that take seconds. The second loss verifies the update. */
const ONE_STEP = { steps: 1, checkedSteps: 2 };

/** @type {readonly Candidate[]} */
export const CANDIDATES = [
  ...onThreads({ engine: 'handgrad', title: 'handgrad', device: 'wasm' }),
  ...onThreads({ engine: 'onnxruntime', title: 'onnxruntime-web', device: 'wasm' }),
  ...onThreads({ engine: 'tensorflow', title: 'TensorFlow.js', device: 'wasm' }),
  {
    engine: 'tensorflow',
    title: 'TensorFlow.js',
    device: 'cpu',
    threads: 1,
    skips: firstOf(
      productsAbove(2 ** 24, 'plain JavaScript, slow on large products'),
      workloadNamed('conv-fast', 'plain JavaScript, too slow for batches of 256'),
    ),
    share: shareOf(['conv'], ONE_STEP),
  },
  ...onThreads({
    engine: 'jax',
    title: 'jax-js',
    device: 'wasm',
    share: shareOf(['conv', 'conv-fast'], ONE_STEP),
  }),
  {
    engine: 'jax',
    title: 'jax-js',
    device: 'cpu',
    threads: 1,
    skips: allButProductsTo(2 ** 22, 'an interpreter for debugging: a second per small product'),
  },
  ...onThreads({ engine: 'pytorch', title: 'PyTorch', device: 'cpu' }),
];

/** The baseline of all ratios. */
export const BASELINE = CANDIDATES[0];

export const ENGINES = [...new Set(CANDIDATES.map(({ engine }) => engine))];

/** `handgrad wasm, 2 threads`. */
export function labelOf({ title, device, threads }) {
  return `${title} ${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

function onThreads(candidate) {
  return [1, 2].map((threads) => ({ ...candidate, threads }));
}

function shareOf(names, share) {
  return (workload) => (names.includes(workload.name) ? share : undefined);
}

/** The first reason of several. */
function firstOf(...reasons) {
  return (workload) =>
    reasons.map((reason) => reason(workload)).find((reason) => reason !== undefined);
}

function workloadNamed(name, reason) {
  return (workload) => (workload.name === name ? reason : undefined);
}

function productsAbove(operations, reason) {
  return (workload) =>
    workload.subject === 'matmul' && operationsOf(workload) > operations ? reason : undefined;
}

function allButProductsTo(operations, reason) {
  return (workload) =>
    workload.subject === 'matmul' && operationsOf(workload) <= operations ? undefined : reason;
}
