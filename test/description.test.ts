import { describe, expect, it } from 'vitest';
import { syntheticDigits } from '../src/data/index.js';
import * as handgrad from '../src/index.js';
import {
  adam,
  adamW,
  averagePool2d,
  batchNorm2d,
  constant,
  conv2d,
  cosine,
  createBackend,
  DataError,
  type Description,
  dropout,
  embedding,
  flatten,
  formatDescription,
  gelu,
  globalAveragePool,
  groupNorm,
  kaimingUniform,
  type Layer,
  layerFrom,
  layerNorm,
  leakyRelu,
  linear,
  lossFrom,
  maxPool2d,
  normal,
  oneCycle,
  ones,
  onImages,
  optimizerFrom,
  RandomStream,
  RECIPE_NAMES,
  RECIPES,
  type Recipe,
  relu,
  residual,
  resnet18,
  scheduleFrom,
  sequential,
  sgd,
  sigmoid,
  squaredError,
  stepDecay,
  type Trainer,
  tanh,
  warmup,
  zeros,
} from '../src/index.js';
import { recipeTrainer } from '../src/train-recipe.js';
import { expectSameState } from './training/fixtures.js';

/** Functions that make described values, with the calls that their descriptions print. */
type Examples<Made> = readonly (readonly [make: () => Made, call: string])[];

const LAYERS: Examples<Layer> = [
  [() => averagePool2d(2), 'averagePool2d(2)'],
  [() => averagePool2d([2, 3], { padding: [1, 0] }), 'averagePool2d([2, 3], { padding: [1, 0] })'],
  [() => batchNorm2d(64), 'batchNorm2d(64)'],
  [
    () => batchNorm2d(64, { epsilon: 1e-3, momentum: 0.01 }),
    'batchNorm2d(64, { epsilon: 0.001, momentum: 0.01 })',
  ],
  [() => conv2d(1, 32, 3), 'conv2d(1, 32, 3)'],
  [
    () => conv2d(4, 8, [3, 5], { stride: 2, padding: [1, 2], dilation: 2, groups: 4, bias: false }),
    'conv2d(4, 8, [3, 5], { stride: 2, padding: [1, 2], dilation: 2, groups: 4, bias: false })',
  ],
  [
    () => conv2d(1, 2, 3, { initializer: normal({ std: 0.1 }) }),
    'conv2d(1, 2, 3, { initializer: normal({ std: 0.1 }) })',
  ],
  [() => dropout(0.25), 'dropout(0.25)'],
  [() => embedding(65, 32), 'embedding(65, 32)'],
  [
    () => embedding(65, 32, { initializer: zeros() }),
    'embedding(65, 32, { initializer: zeros() })',
  ],
  [() => flatten(), 'flatten()'],
  [() => gelu(), 'gelu()'],
  [() => globalAveragePool(), 'globalAveragePool()'],
  [() => groupNorm(8, 64), 'groupNorm(8, 64)'],
  [() => groupNorm(8, 64, { epsilon: 1e-3 }), 'groupNorm(8, 64, { epsilon: 0.001 })'],
  [() => layerNorm(64), 'layerNorm(64)'],
  [() => layerNorm(64, { epsilon: 1e-3 }), 'layerNorm(64, { epsilon: 0.001 })'],
  [() => leakyRelu(), 'leakyRelu()'],
  [() => leakyRelu({ negativeSlope: 0.2 }), 'leakyRelu({ negativeSlope: 0.2 })'],
  [() => linear(784, 30), 'linear(784, 30)'],
  [() => linear(4, 3, { initializer: zeros() }), 'linear(4, 3, { initializer: zeros() })'],
  [() => linear(4, 3, { initializer: ones() }), 'linear(4, 3, { initializer: ones() })'],
  [() => linear(4, 3, { initializer: normal() }), 'linear(4, 3, { initializer: normal() })'],
  [
    () => linear(4, 3, { initializer: kaimingUniform() }),
    'linear(4, 3, { initializer: kaimingUniform() })',
  ],
  [() => maxPool2d(2), 'maxPool2d(2)'],
  [
    () => maxPool2d(3, { stride: [2, 1], padding: 1 }),
    'maxPool2d(3, { stride: [2, 1], padding: 1 })',
  ],
  [
    () => onImages({ channels: 1, height: 28, width: 28 }, flatten()),
    'onImages({ channels: 1, height: 28, width: 28 }, flatten())',
  ],
  [() => relu(), 'relu()'],
  [() => residual(relu()), 'residual(relu())'],
  [
    () => residual(sequential(linear(4, 3), relu()), linear(4, 3)),
    'residual(sequential(linear(4, 3), relu()), linear(4, 3))',
  ],
  [() => resnet18(), 'resnet18({ channels: 3, classes: 1000 })'],
  [() => resnet18({ channels: 1, classes: 10 }), 'resnet18({ channels: 1, classes: 10 })'],
  [() => sequential(linear(4, 3), sigmoid()), 'sequential(linear(4, 3), sigmoid())'],
  [() => sigmoid(), 'sigmoid()'],
  [() => tanh(), 'tanh()'],
];

const LOSSES: Examples<handgrad.Loss> = [
  [() => handgrad.binaryCrossEntropy(), 'binaryCrossEntropy()'],
  [() => handgrad.mnistLoss(), 'mnistLoss()'],
  [() => handgrad.softmaxCrossEntropy(), 'softmaxCrossEntropy()'],
  [() => squaredError(), 'squaredError()'],
  [() => squaredError({ reduction: 'sum' }), "squaredError({ reduction: 'sum' })"],
];

const SCHEDULES: Examples<handgrad.Schedule> = [
  [() => constant(0.1), 'constant(0.1)'],
  [() => cosine({ rate: 0.1 }), 'cosine({ rate: 0.1 })'],
  [() => cosine({ rate: 0.1, minimum: 1e-7 }), 'cosine({ rate: 0.1, minimum: 1e-7 })'],
  [
    () => oneCycle({ maximum: 0.1, startFraction: 0.2, startDivisor: 10, endDivisor: 100 }),
    'oneCycle({ maximum: 0.1, startFraction: 0.2, startDivisor: 10, endDivisor: 100 })',
  ],
  [
    () => stepDecay({ rate: 0.1, gamma: 0.5, every: 2 }),
    'stepDecay({ rate: 0.1, gamma: 0.5, every: 2 })',
  ],
  [() => warmup(5, 0.1), 'warmup(5, constant(0.1))'],
  [() => warmup(5, cosine({ rate: 0.1 })), 'warmup(5, cosine({ rate: 0.1 }))'],
];

const OPTIMIZERS: Examples<handgrad.Optimizer> = [
  [() => adam({ learningRate: 0.001 }), 'adam({ learningRate: 0.001 })'],
  [
    () => adam({ learningRate: oneCycle({ maximum: 0.01 }), betas: [0.7, 0.9] }),
    'adam({ learningRate: oneCycle({ maximum: 0.01 }), betas: [0.7, 0.9] })',
  ],
  [
    () => adamW({ learningRate: 0.001, epsilon: 1e-7, weightDecay: 0.02 }),
    'adamW({ learningRate: 0.001, epsilon: 1e-7, weightDecay: 0.02 })',
  ],
  [() => sgd({ learningRate: 0.1 }), 'sgd({ learningRate: 0.1 })'],
  [
    () => sgd({ learningRate: warmup(3, 0.1), momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
    'sgd({ learningRate: warmup(3, constant(0.1)), momentum: 0.9, nesterov: true, weightDecay: 0.0001 })',
  ],
];

/** A copy by way of JSON, as from a file. */
const throughJson = (description: Description): Description =>
  JSON.parse(JSON.stringify(description));

/** Runs a formatted call with the functions of the library. */
function evaluate<Made>(call: string): Made {
  const functions = Object.entries(handgrad).filter(([, value]) => typeof value === 'function');
  const run = new Function(...functions.map(([name]) => name), `return ${call};`);
  return run(...functions.map(([, value]) => value));
}

/** Names of all functions that a `…From` function knows, from its refusal of another one. */
function knownTo(from: (description: Description) => unknown): string[] {
  try {
    from({ name: 'unknown', options: {} });
  } catch (error) {
    const [, names] = (error as Error).message.match(/one of (.*), got unknown/) ?? [];
    return names.split(', ').sort();
  }
  throw new Error('expected a refusal, got none');
}

const tensorsOf = ({ parameters, buffers = [] }: Layer) => [
  ...parameters.map(({ name, tensor: { shape }, pytorchShape }) => ({ name, shape, pytorchShape })),
  ...buffers.map(({ name, tensor: { shape } }) => ({ name, shape })),
];

/** Initial values of all but the largest parameters, whose bits the recipes below compare. */
const initialValuesOf = ({ parameters }: Layer) =>
  parameters
    .filter(({ size }) => size < 50_000)
    .map((parameter, i) => parameter.initialValues(new RandomStream(7, i)));

describe.each([
  ['layers', LAYERS, layerFrom],
  ['losses', LOSSES, lossFrom],
  ['optimizers', OPTIMIZERS, optimizerFrom],
  ['schedules', SCHEDULES, scheduleFrom],
] as const)('descriptions of %s', (_, examples, from) => {
  it.each(examples.map(([make, call]) => [call, make] as const))(
    'print the call: %s',
    (call, make) => {
      const { description } = make();
      expect(formatDescription(description)).toBe(call);
      expect(evaluate<typeof description & { description: Description }>(call).description).toEqual(
        description,
      );
    },
  );

  it.each(examples.map(([make, call]) => [call, make] as const))(
    'survive JSON and rebuild the same: %s',
    (_, make) => {
      const { description } = make();
      expect(throughJson(description)).toEqual(description);
      expect(from(throughJson(description)).description).toEqual(description);
    },
  );

  it('cover everything that can be rebuilt', () => {
    const names = examples.map(([make]) => make().description.name);
    expect([...new Set(names)].sort()).toEqual(knownTo(from));
  });

  it.each([undefined, null, 3, 'relu', [], {}, { name: 'relu' }, { name: 'relu', options: null }])(
    'are refused where malformed: %j',
    (description) => {
      expect(() => from(description as never)).toThrow(DataError);
      expect(() => from(description as never)).toThrow(
        /^description: expected \w+ to be \{ name, options \}, got /,
      );
    },
  );

  it('are refused where their name is inherited by every object', () => {
    expect(() => from({ name: 'toString', options: {} })).toThrow(/, got toString; your own/);
  });
});

describe('a rebuilt layer', () => {
  it.each(LAYERS.map(([make, call]) => [call, make] as const))(
    'has the same input, parameters, buffers and initial weights: %s',
    (_, make) => {
      const [layer, rebuilt] = [make(), layerFrom(throughJson(make().description))];
      expect(rebuilt.input).toEqual(layer.input);
      expect(tensorsOf(rebuilt)).toEqual(tensorsOf(layer));
      expect(initialValuesOf(rebuilt)).toEqual(initialValuesOf(layer));
    },
  );

  it('has every initializer among its examples', () => {
    const withInitializer = (initializer: Description): Description => ({
      name: 'linear',
      options: { inputs: 1, outputs: 1, initializer },
    });
    const used = LAYERS.flatMap(([make]) => {
      const { initializer } = make().description.options;
      return initializer ? [(initializer as Description).name] : [];
    });
    const known = knownTo((initializer) => layerFrom(withInitializer(initializer)));
    expect([...new Set(used)].sort()).toEqual(known);
  });

  it('cannot be made from a custom initializer', () => {
    const layer = linear(2, 1, { initializer: (size) => new Float32Array(size) });
    expect(formatDescription(layer.description)).toBe('linear(2, 1, { initializer: custom() })');
    expect(() => layerFrom(layer.description)).toThrow(
      new DataError(
        'description: expected initializer to be one of kaimingUniform, normal, ones, zeros, got custom; your own functions cannot be rebuilt',
      ),
    );
  });

  it('cannot be made from a custom layer inside', () => {
    const own: Layer = { ...relu(), description: { name: 'mine', options: {} } };
    expect(() => layerFrom(sequential(linear(2, 1), own).description)).toThrow(
      /^description: expected layer to be one of averagePool2d, .*, got mine; your own functions cannot be rebuilt$/,
    );
  });

  it('is refused with options that its function refuses', () => {
    const from = (name: string, options: object) => () => layerFrom({ name, options } as never);
    expect(from('linear', { inputs: 'many', outputs: 3 })).toThrow(handgrad.ShapeError);
    expect(from('dropout', {})).toThrow(RangeError);
    expect(from('sequential', { layers: 3 })).toThrow(
      new DataError('description: expected layers to be a list, got 3'),
    );
    expect(from('residual', { body: 3 })).toThrow(
      new DataError('description: expected layer to be { name, options }, got 3'),
    );
  });
});

describe('a rebuilt optimizer or schedule', () => {
  it('has the same learning rates', () => {
    const rates = (schedule: handgrad.Schedule) =>
      [0, 1, 2, 5, 11, 30].map((step) => schedule.at(step, 12, 4));
    for (const [make] of SCHEDULES) {
      const schedule = make();
      expect(rates(scheduleFrom(throughJson(schedule.description)))).toEqual(rates(schedule));
    }
    for (const [make] of OPTIMIZERS) {
      const optimizer = make();
      const rebuilt = optimizerFrom(throughJson(optimizer.description));
      expect(rates(rebuilt.schedule)).toEqual(rates(optimizer.schedule));
      expect(rebuilt.moments).toEqual(optimizer.moments);
    }
  });

  it('cannot be made from a custom schedule', () => {
    const own = { description: { name: 'sawtooth', options: {} }, at: () => 0.1 };
    expect(() => optimizerFrom(sgd({ learningRate: own }).description)).toThrow(
      new DataError(
        'description: expected schedule to be one of constant, cosine, oneCycle, stepDecay, warmup, got sawtooth; your own functions cannot be rebuilt',
      ),
    );
  });
});

describe('recipes rebuilt from descriptions', async () => {
  const backend = await createBackend('wasm', { threads: 1 });
  const digits = syntheticDigits({ trainSize: 300, testSize: 20 });

  /** The recipe with everything built from its descriptions. */
  const rebuilt = (recipe: Recipe): Recipe => ({
    ...recipe,
    model: () => layerFrom(throughJson(recipe.model().description)),
    loss: () => lossFrom(throughJson(recipe.loss().description)),
    optimizer: (rate) => optimizerFrom(throughJson(recipe.optimizer(rate).description)),
  });

  it.each(RECIPE_NAMES)('%s has the same weights before and after training', async (name) => {
    const recipe = RECIPES[name];
    const { train } = recipe.prepare(recipe.data === 'digits' ? digits : undefined, 0);
    const settings = { backend, batchSize: name === 'resnet18' ? 2 : 16, seed: 3 };
    const create = (from: Recipe): Trainer => recipeTrainer(from, settings);
    const [expected, got] = [create(recipe), create(rebuilt(recipe))];
    expectSameState(await got.state(), await expected.state());
    const steps = name === 'resnet18' ? 2 : 5;
    for (const trainer of [expected, got]) {
      await trainer.fit(train, { epochs: 10, onStep: ({ step }) => step < steps });
    }
    expectSameState(await got.state(), await expected.state());
  });
});
