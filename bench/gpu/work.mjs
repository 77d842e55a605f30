/**
 * What is measured on a machine with a GPU: jobs, each for a process of its own.
 *
 * @typedef {object} Job
 * @property {string} part of the report
 * @property {string} contestant
 * @property {'handgrad' | 'tensorflow' | 'pytorch' | 'bench'} engine `bench` is `handgrad bench`
 * @property {object} task what the engine is given, or the arguments of `handgrad bench`
 * @property {string} [network] which is trained: its data and weights are prepared beforehand
 * @property {number} limitSeconds after which its process is ended
 */

import { cpus } from 'node:os';
import { WORK } from '../peers/work.mjs';

export const PARTS = ['matmul', 'conv-fast', 'mlp', 'overhead', 'resnet18', 'crossover'];

/** How patient and how large a run is; `quick` only shows whether everything runs. */
const THOROUGH = {
  sizes: [1024, 2048, 4096],
  patience: { samples: 15, sampleMilliseconds: 100, warmUpMilliseconds: 1000 },
  runs: { 'conv-fast': 3, mlp: 3, resnet18: 1 },
  warmUps: 1,
  batches: {},
  trainSize: { 'conv-fast': 60_000, mlp: 60_000, resnet18: 60_000 },
  testSize: { 'conv-fast': 10_000, mlp: 10_000, resnet18: 10_000 },
  variants: true,
  crossover: ['--recipes', 'mlp,conv', '--repeat', '5', '--limit', '4'],
  overhead: ['--recipes', 'mlp,conv-fast,resnet18', '--repeat', '15'],
};
const QUICK = {
  sizes: [64],
  patience: { samples: 2, sampleMilliseconds: 5, warmUpMilliseconds: 5 },
  runs: { 'conv-fast': 1, mlp: 1, resnet18: 1 },
  warmUps: 0,
  batches: { 'conv-fast': 8, resnet18: 4 },
  trainSize: { 'conv-fast': 16, mlp: 256, resnet18: 4 },
  testSize: { 'conv-fast': 16, mlp: 64, resnet18: 4 },
  variants: false,
  crossover: ['--recipes', 'mlp', '--sizes', '16,32', '--batches', '16', '--repeat', '1'],
  overhead: ['--recipes', 'softmax', '--repeat', '3'],
};

export function scaleOf(quick) {
  return quick ? QUICK : THOROUGH;
}

/** The networks of the recipes, by the part that trains them. */
export function networkOf(part, scale) {
  const named = (name) => WORK.find((work) => work.name === name);
  const networks = {
    'conv-fast': named('conv-fast-epoch'),
    mlp: { ...named('mlp'), shuffle: true },
    resnet18: {
      ...named('resnet18'),
      // As the recipe resnet18 has it, over one epoch.
      optimizer: { name: 'adam', learningRate: 0.01, betas: [0.9, 0.999], oneCycle: true },
      batch: 256,
      shuffle: true,
    },
  };
  const network = networks[part];
  const batch = scale.batches[part] ?? network.batch;
  const [trainSize, testSize] = [scale.trainSize[part], scale.testSize[part]];
  const steps = Math.ceil(trainSize / batch);
  return { ...network, name: part, batch, trainSize, testSize, steps, checkedSteps: 1 };
}

/**
 * @param {readonly string[]} parts of PARTS
 * @param {object} scale
 * @param {readonly { title: string, options: object }[]} own variants of handgrad, the plain first
 * @param {boolean} hasCuda without which PyTorch has no TF32
 * @returns {Job[]}
 */
export function jobsOf(parts, scale, own, hasCuda) {
  const pytorchs = (job) => [
    job('PyTorch', 'pytorch', { tf32: false }),
    ...(hasCuda ? [job('PyTorch, TF32', 'pytorch', { tf32: true })] : []),
  ];
  const trained = scale.variants ? own : own.slice(0, 1);
  const wasm = ['--threads', String(Math.max(1, Math.min(8, cpus().length - 1)))];
  const jobs = {
    matmul: () => products(own, scale, pytorchs),
    'conv-fast': () => trainings('conv-fast', trained, scale, pytorchs),
    mlp: () => trainings('mlp', trained.slice(0, 1), scale, pytorchs),
    overhead: () => [benchJob('overhead', ['--backends', 'webgpu', ...scale.overhead])],
    resnet18: () => trainings('resnet18', trained, scale, pytorchs),
    crossover: () => [
      benchJob('crossover', ['--backends', 'wasm,webgpu', ...wasm, ...scale.crossover]),
    ],
  };
  return parts.flatMap((part) => jobs[part]());
}

function products(own, { sizes, patience }, pytorchs) {
  const job = (contestant, engine, options = {}) => ({
    part: 'matmul',
    contestant,
    engine,
    task: { kind: 'matmul', sizes, patience, ...options },
    limitSeconds: 60,
  });
  return [
    ...own.map(({ title, options }) => job(title, 'handgrad', { options })),
    job('TensorFlow.js WebGPU', 'tensorflow'),
    ...pytorchs(job),
  ];
}

function trainings(part, own, { runs, warmUps }, pytorchs) {
  const job = (contestant, engine, options = {}) => ({
    part,
    contestant,
    engine,
    task: { kind: 'train', runs: runs[part], warmUps, ...options },
    network: part,
    limitSeconds: 90,
  });
  const ours = own.map(({ title, options }) => job(title, 'handgrad', { options }));
  return [...ours, ...pytorchs(job)];
}

function benchJob(part, args) {
  const task = { args: [part, ...args, '--json'] };
  return { part, contestant: 'handgrad', engine: 'bench', task, limitSeconds: 150 };
}
