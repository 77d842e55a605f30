/**
 * The jobs of the GPU suite. Each runs in its own subprocess.
 *
 * @typedef {object} Job
 * @property {string} part of the report
 * @property {string} candidate
 * @property {'handgrad-webgpu' | 'tensorflow-webgpu' | 'pytorch' | 'bench'} engine `bench` is
 *   `handgrad bench`
 * @property {object} task input of the engine, or the arguments of `handgrad bench`
 * @property {string} [model] the part whose model is trained; its data and weights are prepared first
 * @property {number} limitSeconds after which the subprocess is killed
 */

import { cpus } from 'node:os';
import { optimizerOf } from '../../harness/models.mjs';
import { WORKLOADS } from '../cpu/workloads.mjs';

export const PARTS = ['matmul', 'conv-fast', 'mlp', 'overhead', 'resnet18', 'crossover'];

/** Sizes and sampling of a full run. */
const THOROUGH = {
  sizes: [1024, 2048, 4096],
  timing: { samples: 15, sampleMilliseconds: 100, warmUpMilliseconds: 1000 },
  runs: { 'conv-fast': 3, mlp: 3, resnet18: 1 },
  warmUps: 1,
  batches: {},
  trainSize: { 'conv-fast': 60_000, mlp: 60_000, resnet18: 60_000 },
  testSize: { 'conv-fast': 10_000, mlp: 10_000, resnet18: 10_000 },
  variants: true,
  crossover: ['--recipes', 'mlp,conv', '--repeat', '5', '--limit', '4'],
  overhead: ['--recipes', 'mlp,conv-fast,resnet18', '--repeat', '15'],
};
/** Tiny sizes, to check that everything runs. */
const QUICK = {
  sizes: [64],
  timing: { samples: 2, sampleMilliseconds: 5, warmUpMilliseconds: 5 },
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

/** The model that a part trains, with its training settings. */
export function modelFor(part, scale) {
  const named = (name) => WORKLOADS.find((workload) => workload.name === name);
  const models = {
    'conv-fast': named('conv-fast-epoch'),
    mlp: { ...named('mlp'), shuffle: true },
    resnet18: {
      ...named('resnet18'),
      optimizer: optimizerOf('resnet18'),
      batch: 256,
      shuffle: true,
    },
  };
  const model = models[part];
  const batch = scale.batches[part] ?? model.batch;
  const [trainSize, testSize] = [scale.trainSize[part], scale.testSize[part]];
  const steps = Math.ceil(trainSize / batch);
  return { ...model, name: part, batch, trainSize, testSize, steps, checkedSteps: 1 };
}

/**
 * @param {readonly string[]} parts of PARTS
 * @param {object} scale
 * @param {readonly { title: string, options: object }[]} own variants of handgrad, the default first
 * @param {boolean} hasCuda whether PyTorch runs on CUDA, which has TF32 too
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
    matmul: () => matmuls(own, scale, pytorchs),
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

function matmuls(own, { sizes, timing }, pytorchs) {
  const job = (candidate, engine, options = {}) => ({
    part: 'matmul',
    candidate,
    engine,
    task: { kind: 'matmul', sizes, timing, ...options },
    limitSeconds: 60,
  });
  return [
    ...own.map(({ title, options }) => job(title, 'handgrad-webgpu', { options })),
    job('TensorFlow.js WebGPU', 'tensorflow-webgpu'),
    ...pytorchs(job),
  ];
}

function trainings(part, own, { runs, warmUps }, pytorchs) {
  const job = (candidate, engine, options = {}) => ({
    part,
    candidate,
    engine,
    task: { kind: 'train', runs: runs[part], warmUps, ...options },
    model: part,
    limitSeconds: 90,
  });
  const ours = own.map(({ title, options }) => job(title, 'handgrad-webgpu', { options }));
  return [...ours, ...pytorchs(job)];
}

function benchJob(part, args) {
  const task = { args: [part, ...args, '--json'] };
  return { part, candidate: 'handgrad', engine: 'bench', task, limitSeconds: 150 };
}
