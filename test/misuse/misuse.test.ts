import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import * as data from '../../src/data/index.js';
import * as library from '../../src/index.js';

/** The exports as plain JavaScript sees them. */
// biome-ignore lint/suspicious/noExplicitAny: misuses do not type-check
const js: Record<string, any> = { ...library, ...data };

const backend = await library.createBackend('reference');
afterAll(() => backend.close());

const setup = () => ({
  model: js.linear(2, 2),
  loss: js.softmaxCrossEntropy(),
  optimizer: js.sgd({ learningRate: 0.1 }),
  batchSize: 2,
});

const points = {
  name: 'points',
  size: 4,
  features: 2,
  inputs: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  targets: Int32Array.of(0, 1, 0, 1),
  classes: 2,
  normalization: { mean: 0, std: 1 },
};

const train = (changes: object) => new js.Trainer(backend, { ...setup(), ...changes });
const fitting = (dataset: unknown, options: object) => train({}).fit(dataset, options);
const { normalization: _, ...unnormalized } = points;

/** Calls with the message of their error. */
const MISTAKES: readonly (readonly [call: () => unknown, message: string])[] = [
  // Unknown options
  [
    () => js.adam({ lr: 0.1 }),
    'adam: expected the options learningRate, betas, epsilon, weightDecay, got lr; did you mean learningRate?',
  ],
  [
    () => js.adam({ learningRate: 0.1, eps: 1 }),
    'adam: expected the options learningRate, betas, epsilon, weightDecay, got eps; did you mean epsilon?',
  ],
  [
    () => js.sgd({ learningRate: 0.1, dampening: 0.1 }),
    'sgd: expected the options learningRate, momentum, nesterov, weightDecay, got dampening',
  ],
  [
    () => js.maxPool2d(3, { ceilMode: true }),
    'maxPool2d: expected the options stride, padding, got ceilMode',
  ],
  [
    () => js.conv2d(1, 2, 3, { kernel_size: 3 }),
    'conv2d: expected the options stride, padding, dilation, groups, bias, initializer, got kernel_size',
  ],
  [
    () => js.softmaxCrossEntropy({ weight: [1, 2] }),
    'softmaxCrossEntropy: expected no arguments, got an object',
  ],
  [() => js.gelu({ approximate: 'tanh' }), 'gelu: expected no arguments, got an object'],
  [() => js.relu(0.2), 'relu: expected no arguments, got 0.2'],
  [
    () => js.dropout(0.5, { inplace: true }),
    'dropout: expected no arguments after p, got an object',
  ],
  [
    () => js.leakyRelu(0.2),
    'leakyRelu: expected the options negativeSlope as an object, got 0.2; pass { negativeSlope: 0.2 }',
  ],
  [
    () => fitting(points, { epoch: 3 }),
    'fit: expected the options epochs, validation, validationSplit, shuffle, resume, onStep, onEpoch, onProgress, signal, got epoch; did you mean epochs?',
  ],
  [
    () => train({ learning_rate: 0.1 }),
    'Trainer: expected the options batchSize, model, loss, optimizer, seed, clipNorm, normalization, got learning_rate',
  ],
  [
    () => js.lossFrom({ name: 'softmaxCrossEntropy', options: { weight: 1 } }),
    'softmaxCrossEntropy: expected no options, got weight',
  ],
  // Values of another type
  [
    () => js.sgd({ learningRate: '0.1' }),
    "sgd: expected learningRate to be a positive number or a schedule such as cosine({ rate: 0.1 }), got '0.1'",
  ],
  [
    () => js.sgd({ learningRate: js.cosine }),
    'sgd: expected learningRate to be a positive number or a schedule such as cosine({ rate: 0.1 }), got a function; call it',
  ],
  [
    () => js.squaredError({ reduction: 'none' }),
    "squaredError: expected reduction to be 'mean' or 'sum', got 'none'",
  ],
  [
    () => js.linear(2, 2, { initializer: js.zeros }),
    'linear: expected initializer to be an initializer such as zeros(), got a function; call it',
  ],
  [
    () => js.sequential(js.linear(2, 2), js.relu),
    'sequential: expected layer 1 to be a layer such as linear(784, 10) or sequential(…), got a function; call it',
  ],
  [
    () => train({ model: [js.linear(2, 2)] }),
    'Trainer: expected model to be a layer such as linear(784, 10) or sequential(…), got an array of length 1',
  ],
  [
    () => train({ loss: undefined }),
    'Trainer: expected loss to be a loss such as softmaxCrossEntropy(), got undefined',
  ],
  [
    () => train({ optimizer: js.sgd }),
    'Trainer: expected optimizer to be an optimizer such as sgd({ learningRate: 0.1 }), got a function; call it',
  ],
  [
    () => train({ normalization: { mean: Number.NaN, std: 1 } }),
    'Trainer: expected normalization.mean to be a finite number, got NaN',
  ],
  [
    () => new js.Trainer(js.createBackend('reference'), setup()),
    'Trainer: expected its first argument to be a backend, the result of await createBackend(…), got a promise; await it',
  ],
  [
    () => fitting(points, { epochs: '10' }),
    "fit: expected epochs to be an integer of at least 1, got '10'",
  ],
  [
    () => fitting(points, { epochs: 1, signal: new AbortController() }),
    'fit: expected signal to be an AbortSignal, got an AbortController; pass its signal',
  ],
  [
    () => fitting(unnormalized, { epochs: 1 }),
    'dataset points: expected normalization to be { mean, std }, got undefined',
  ],
  [
    () => fitting({ train: points, test: points }, { epochs: 1 }),
    'fit: expected a dataset { name, size, features, inputs, targets, classes, normalization }, got an object; pass its train or test',
  ],
  [() => js.split(points, 0.5, 1.5), /^split: expected seed to be an integer of .* got 1.5$/],
  // Backends
  [
    () => js.createBackend('gpu'),
    "createBackend: expected auto, wasm, webgpu, reference, got 'gpu'; did you mean webgpu?",
  ],
  [
    () => js.createBackend('reference', { precision: 'double' }),
    "createBackend: expected precision to be 'float32' or 'float64' or 'f16', got 'double'",
  ],
  [
    () => js.createBackend('wasm', { tileRows: -1 }),
    'createBackend: expected tileRows to be 6 or 4, got -1',
  ],
  [
    () => js.createBackend('wasm', { thread: 2 }),
    /^createBackend: expected the options .* got thread; did you mean threads\?$/,
  ],
  [() => js.train('mpl', { backend }), /^recipe: expected line, .* got 'mpl'; did you mean mlp\?$/],
  [
    () => backend.call('reluFoward' as 'reluForward', { x: { shape: [1], data: [1] } }),
    "call: expected the name of an op, got 'reluFoward'; did you mean reluForward?",
  ],
  [
    () => js.Backend.prototype.matmul.call(backend, [1], [1], { m: 1, n: 1, K: 1 }),
    'matmul: expected the sizes m, n, k, transposeA, transposeB, got K; did you mean k?',
  ],
  [
    () => js.Backend.prototype.relu.call(backend),
    'relu: expected x to be an array of numbers, got undefined',
  ],
] as never;

describe('a mistake', () => {
  it.each(MISTAKES)('is answered by one sentence: %s', async (call, message) => {
    const answer = (async () => call())();
    await expect(answer).rejects.toThrow(
      expect.objectContaining({
        message: typeof message === 'string' ? message : expect.stringMatching(message),
      }),
    );
  });

  it('leaves options that are undefined alone', () => {
    expect(js.maxPool2d(3, { stride: undefined }).description.options).toEqual({ kernel: 3 });
  });

  it('is answered clearly in 95 % of a sample of all that are generated', async () => {
    const script = fileURLToPath(new URL('../../scripts/misuse.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, '--every', '7']);
    expect(stdout).toMatch(/9[5-9]\.\d % clear or correct|100\.0 %/);
  });
});
