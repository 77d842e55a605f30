/** Who takes part: each engine, on each device and number of threads that it could have. */

import { operationsOf } from './work.mjs';

/**
 * @typedef {object} Contestant
 * @property {string} engine the module in `engines/` that drives it
 * @property {string} title
 * @property {string} device what the engine calls the place where it computes
 * @property {number} threads
 * @property {(work: import('./work.mjs').Work) => string | undefined} [unfit] why it is not given
 *   some work
 */

/** @type {readonly Contestant[]} */
export const CONTESTANTS = [
  ...onThreads({ engine: 'handgrad', title: 'handgrad', device: 'wasm' }),
  ...onThreads({ engine: 'onnxruntime', title: 'onnxruntime-web', device: 'wasm' }),
  ...onThreads({ engine: 'tensorflow', title: 'TensorFlow.js', device: 'wasm' }),
  {
    engine: 'tensorflow',
    title: 'TensorFlow.js',
    device: 'cpu',
    threads: 1,
    unfit: productsAbove(2 ** 24, 'plain JavaScript: left out of large products'),
  },
  ...onThreads({ engine: 'jax', title: 'jax-js', device: 'wasm' }),
  {
    engine: 'jax',
    title: 'jax-js',
    device: 'cpu',
    threads: 1,
    unfit: allButProductsTo(2 ** 22, 'an interpreter for debugging: a second per small product'),
  },
  ...onThreads({ engine: 'pytorch', title: 'PyTorch', device: 'cpu' }),
];

/** The contestant that all others are compared with. */
export const BASE = CONTESTANTS[0];

export const ENGINES = [...new Set(CONTESTANTS.map(({ engine }) => engine))];

/** As tables write it. */
export function labelOf({ title, device, threads }) {
  return `${title} ${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

function onThreads(contestant) {
  return [1, 2].map((threads) => ({ ...contestant, threads }));
}

function productsAbove(operations, reason) {
  return (work) =>
    work.subject === 'matmul' && operationsOf(work) > operations ? reason : undefined;
}

function allButProductsTo(operations, reason) {
  return (work) =>
    work.subject === 'matmul' && operationsOf(work) <= operations ? undefined : reason;
}
