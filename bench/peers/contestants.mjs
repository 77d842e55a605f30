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
 * @property {(work: import('./work.mjs').Work) => { steps: number, checkedSteps: number } | undefined}
 *   [part] what it is given of work that would take it minutes
 */

/** Of a round of steps that each take seconds. The second loss shows whether the update was right. */
const A_STEP = { steps: 1, checkedSteps: 2 };

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
    unfit: firstOf(
      productsAbove(2 ** 24, 'plain JavaScript, slow on large products'),
      workNamed('conv-fast', 'plain JavaScript, too slow for batches of 256'),
    ),
    part: partOf(['conv'], A_STEP),
  },
  ...onThreads({
    engine: 'jax',
    title: 'jax-js',
    device: 'wasm',
    part: partOf(['conv', 'conv-fast'], A_STEP),
  }),
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

function partOf(names, part) {
  return (work) => (names.includes(work.name) ? part : undefined);
}

/** The first reason of several. */
function firstOf(...reasons) {
  return (work) => reasons.map((reason) => reason(work)).find((reason) => reason !== undefined);
}

function workNamed(name, reason) {
  return (work) => (work.name === name ? reason : undefined);
}

function productsAbove(operations, reason) {
  return (work) =>
    work.subject === 'matmul' && operationsOf(work) > operations ? reason : undefined;
}

function allButProductsTo(operations, reason) {
  return (work) =>
    work.subject === 'matmul' && operationsOf(work) <= operations ? undefined : reason;
}
