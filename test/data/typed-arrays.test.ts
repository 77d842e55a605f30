import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import {
  type Dataset,
  digitDatasets,
  digitImage,
  nearestMean,
  oneAgainstRest,
  parseIdxLabels,
  pixelStatistics,
  selectClasses,
  split,
  take,
  validateDataset,
} from '../../src/data/index.js';
import {
  type Backend,
  createBackend,
  DataError,
  decodeSafetensors,
  linear,
  type State,
  sequential,
  squaredError,
  type Trainer,
} from '../../src/index.js';
import { isBytes, isFloat32, isFloat64, isInt32, typeName } from '../../src/typed-arrays.js';
import { describeOnEachBackend } from '../backends.js';
import {
  blobs,
  CLASSES,
  createTrainer,
  expectSameState,
  FEATURES,
  plane,
} from '../training/fixtures.js';
import { expectSameBits } from '../values.js';

const wasm = await createBackend('wasm');
const otherRealm = createContext({});

type Name = 'Uint8Array' | 'Uint8ClampedArray' | 'Float32Array' | 'Float64Array' | 'Int32Array';

/** The same numbers in a typed array of another realm. */
function foreign(values: ArrayLike<number>, name = typeName(values) as Name): never {
  const array = runInContext(`new ${name}(${values.length})`, otherRealm);
  array.set(values);
  expect(array).not.toBeInstanceOf(globalThis[name]);
  return array as never;
}

/** A dataset with arrays of another type. */
function withArrays(
  dataset: Dataset,
  inputs: unknown,
  targets: unknown = dataset.targets,
): Dataset {
  return { ...dataset, inputs: inputs as never, targets: targets as never };
}

const bytes = blobs({ size: 60, bytes: true });
const floats = blobs({ size: 60 });

/** Trains on a dataset, and returns everything that a trainer computes from it. */
async function resultsOn(backend: Backend, dataset: Dataset, inputs: ArrayLike<number>) {
  const trainer = createTrainer(backend);
  const { epochs } = await trainer.fit(dataset, { epochs: 2 });
  const { loss, confusion } = await trainer.evaluate(dataset, { confusion: true });
  const first = await trainer.predict(inputs);
  // The next predictions from an array of this realm must not use a step for the other type.
  const second = await trainer.predict(floats.inputs);
  const { gradients } = await trainer.gradients(inputs, dataset.targets);
  const losses = epochs.map(({ trainLoss }) => trainLoss);
  return { losses, loss, confusion, first, second, gradients, state: await trainer.state() };
}

describeOnEachBackend('fit, evaluate, predict and gradients', (backend) => {
  it.each([
    ['bytes of another realm', bytes, foreign(bytes.inputs), foreign(bytes.targets)],
    ['floats of another realm', floats, foreign(floats.inputs), foreign(floats.targets)],
    ['clamped bytes', bytes, Uint8ClampedArray.from(bytes.inputs), bytes.targets],
    [
      'clamped bytes of another realm',
      bytes,
      foreign(bytes.inputs, 'Uint8ClampedArray'),
      bytes.targets,
    ],
    ['a Node buffer', bytes, Buffer.from(bytes.inputs), bytes.targets],
    ['float64 that is exact in float32', floats, Float64Array.from(floats.inputs), floats.targets],
    ['plain arrays', floats, Array.from(floats.inputs), Array.from(floats.targets)],
    [
      'labels as int64',
      floats,
      floats.inputs,
      BigInt64Array.from(Array.from(floats.targets, BigInt)),
    ],
    ['labels as int8', floats, floats.inputs, Int8Array.from(floats.targets)],
    ['labels as bytes', floats, floats.inputs, Uint8Array.from(floats.targets)],
    ['labels as floats', floats, floats.inputs, Float64Array.from(floats.targets)],
  ])('give the same results for %s', async (_name, usual, inputs, targets) => {
    const dataset = withArrays(usual, inputs, targets);
    const got = await resultsOn(backend, dataset, inputs);
    expect(got).toEqual(await resultsOn(backend, usual, usual.inputs));
  });

  it('use integers that are not bytes as they are', async () => {
    const inputs = Int8Array.from({ length: 5 * FEATURES }, (_, i) => i - 7);
    const trainer = createTrainer(backend);
    const want = await trainer.predict(Float32Array.from(inputs));
    expectSameBits('p', await trainer.predict(inputs), want);
  });
});

const REFUSED: [title: string, inputs: unknown, message: string][] = [
  [
    'float64 that float32 would round',
    Float64Array.from({ length: 4 }, () => 0.1),
    'inputs that float32 holds exactly, got Float64Array with 0.1 at 0',
  ],
  [
    'plain numbers that float32 would round',
    [1, 2, 0.1, 4],
    'inputs that float32 holds exactly, got Array with 0.1 at 2',
  ],
  [
    'integers that float32 would round',
    Int32Array.of(1, 2, 3, 2 ** 24 + 1),
    'inputs that float32 holds exactly, got Int32Array with 16777217 at 3',
  ],
  [
    'numbers beyond float32',
    [1, 1e300, 3, 4],
    'inputs that float32 holds exactly, got Array with 1e+300 at 1',
  ],
  [
    'large int64',
    BigInt64Array.of(1n, 2n, 3n, 2n ** 60n),
    'inputs below 2⁵³, got BigInt64Array with 1152921504606846976 at 3',
  ],
  ['strings in an array', ['1', '2', '3', '4'], 'numbers in inputs, got Array with string at 0'],
];

describe('predict and gradients', () => {
  it.each(REFUSED)('refuse %s, and name the type', async (_title, inputs, message) => {
    const trainer = createTrainer(wasm);
    const error = (operation: string) => new DataError(`${operation}: expected ${message}`);
    const attempts = [
      [() => trainer.predict(inputs as never), 'predict'],
      [() => trainer.gradients(inputs as never, [0]), 'gradients'],
    ] as const;
    for (const [attempt, operation] of attempts) {
      await expect(attempt()).rejects.toThrow(error(operation).message);
      await expect(attempt()).rejects.toBeInstanceOf(DataError);
    }
  });

  it.each([
    ['one picture', 1, () => 200],
    ['an opaque canvas', 3, (i: number) => (i % 4 === 3 ? 255 : i % 251)],
    ['strokes on a transparent canvas', 3, (i: number) => (i % 8 < 4 ? 0 : 77)],
  ])('refuse RGBA pixels: %s', async (_title, pictures, byte) => {
    const trainer = createTrainer(wasm, { normalization: { mean: 0, std: 1 } });
    const pixels = Uint8ClampedArray.from({ length: 4 * pictures * FEATURES }, (_, i) => byte(i));
    for (const inputs of [pixels, foreign(pixels)]) {
      const prediction = trainer.predict(inputs);
      await expect(prediction).rejects.toThrow(
        `predict: expected inputs of shape (B, 4), got ${pictures * FEATURES} RGBA pixels; convert each picture with digitImage`,
      );
      await expect(prediction).rejects.toBeInstanceOf(DataError);
    }
    expect(await trainer.predict(Uint8Array.from(pixels))).toHaveLength(4 * pictures * CLASSES);
  });
});

describe.each(['fit', 'evaluate'] as const)('%s', (operation) => {
  const data = (trainer: Trainer, dataset: Dataset) =>
    operation === 'fit' ? trainer.fit(dataset, { epochs: 1 }) : trainer.evaluate(dataset);
  const { size, targets } = floats;
  const rounded = Float64Array.from(floats.inputs, (value) => value + 1e-12);
  it.each([
    [
      'inputs that float32 would round',
      withArrays(floats, rounded),
      'inputs that float32 holds exactly, got Float64Array',
    ],
    [
      'strings as inputs',
      withArrays(floats, Array.from(floats.inputs, String)),
      'numbers in inputs, got Array with string at 0',
    ],
    [
      'strings as labels',
      withArrays(floats, floats.inputs, Array.from(targets, String)),
      'numbers in targets, got Array with string at 0',
    ],
    [
      'labels between classes',
      withArrays(floats, floats.inputs, new Float64Array(size).fill(0.5)),
      'targets to be class numbers, got Float64Array with 0.5 at index 0',
    ],
    [
      'large labels',
      withArrays(floats, floats.inputs, new BigUint64Array(size).fill(2n ** 32n)),
      'targets to be class numbers, got BigUint64Array with 4294967296 at index 0',
    ],
    [
      'RGBA pixels',
      withArrays(bytes, new Uint8ClampedArray(4 * bytes.inputs.length)),
      `${size} × 4 = ${4 * size} inputs, got ${16 * size} bytes of RGBA; convert each picture with digitImage`,
    ],
  ])('refuses %s, and names the type', async (_title, dataset, message) => {
    const trainer = createTrainer(wasm);
    const before = await trainer.state();
    await expect(data(trainer, dataset)).rejects.toThrow(`dataset blobs: expected ${message}`);
    expectSameState(await trainer.state(), before);
  });

  it('refuses targets that float32 would round', async () => {
    const trainer = createTrainer(wasm, { model: sequential(linear(2, 1)), loss: squaredError() });
    const points = plane({ size: 20 });
    const dataset = withArrays(points, points.inputs, new Float64Array(20).fill(0.1));
    await expect(data(trainer, dataset)).rejects.toThrow(
      'dataset plane: expected targets that float32 holds exactly, got Float64Array with 0.1 at 0',
    );
  });
});

describe('loadState', () => {
  const changed = (state: State, data: unknown) =>
    new Map([...state, ['0.bias', { shape: [8], data: data as Float32Array }]]);

  it.each([
    [
      'beyond float32',
      new Float64Array(8).fill(1e300),
      'finite numbers in 0.bias, got 1e+300 at 0, which float32 rounds to infinity',
    ],
    [
      'that rounds to infinity',
      new Float64Array(8).fill(3.4028235677973366e38),
      'finite numbers in 0.bias, got 3.4028235677973366e+38 at 0',
    ],
    ['of strings', new Array(8).fill('1'), 'numbers in 0.bias, got Array with string at 0'],
  ])('refuses an array %s', async (_title, data, message) => {
    const trainer = createTrainer(wasm);
    const before = await trainer.state();
    await expect(trainer.loadState(changed(before, data))).rejects.toThrow(
      `loadState: expected ${message}`,
    );
    expectSameState(await trainer.state(), before);
  });

  it('takes numbers of any type', async () => {
    const trainer = createTrainer(wasm);
    const state = await trainer.state();
    for (const data of [
      BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 5n, 6n, -7n),
      foreign([0, 1, 2, 3, 4, 5, 6, -7], 'Float64Array'),
    ]) {
      await trainer.loadState(changed(state, data));
      expect((await trainer.state()).get('0.bias')?.data).toEqual(
        Float32Array.of(0, 1, 2, 3, 4, 5, 6, -7),
      );
    }
  });
});

describeOnEachBackend('single ops', (backend) => {
  it('take numbers of any type', async () => {
    for (const x of [
      foreign([1, -2], 'Float32Array'),
      foreign([1, -2], 'Float64Array'),
      BigInt64Array.of(1n, -2n),
      Int8Array.of(1, -2),
    ]) {
      expect([...(await backend.relu(x as never))]).toEqual([1, 0]);
      const operand = { shape: [2], data: x as never };
      expect([...(await backend.call('reluForward', { x: operand })).y.data]).toEqual([1, 0]);
    }
    const { loss } = await backend.softmaxCrossEntropy([0, 0], BigInt64Array.of(1n) as never, {
      classes: 2,
    });
    expect(loss).toBeCloseTo(Math.LN2, 6);
  });

  it('refuse other values, and name the type', async () => {
    const operand = { shape: [1], data: ['1'] as never };
    const attempts = [
      [
        () => backend.relu(['1'] as never),
        'relu: expected numbers in x, got Array with string at 0',
      ],
      [
        () => backend.relu([1e39]),
        'relu: expected finite numbers in x, got 1e+39 at 0, which float32 rounds to infinity',
      ],
      [
        () => backend.call('reluForward', { x: operand }),
        'reluForward: expected numbers in x, got Array with string at 0',
      ],
      [
        () => backend.softmaxCrossEntropy([0, 0], ['1'] as never, { classes: 2 }),
        'softmaxCrossEntropy: expected numbers in labels, got Array with string at 0',
      ],
    ] as const;
    for (const [attempt, message] of attempts) {
      await expect(attempt()).rejects.toThrow(new DataError(message));
    }
  });
});

describe('functions on datasets', () => {
  const other = withArrays(
    bytes,
    foreign(bytes.inputs),
    BigInt64Array.from(Array.from(bytes.targets, BigInt)),
  );
  it.each([
    ['take', (dataset: Dataset) => take(dataset, 7)],
    ['split', (dataset: Dataset) => split(dataset, 0.3)],
    ['selectClasses', (dataset: Dataset) => selectClasses(dataset, [2, 0])],
    ['oneAgainstRest', (dataset: Dataset) => oneAgainstRest(dataset, 1).targets],
    ['nearestMean', (dataset: Dataset) => nearestMean(dataset, dataset)],
  ])('give the same results for arrays of other types: %s', (_name, apply) => {
    expect(JSON.stringify(apply(other))).toBe(JSON.stringify(apply(bytes)));
  });

  it('refuse arrays of strings', () => {
    const strings = withArrays(floats, floats.inputs, Array.from(floats.targets, String));
    for (const apply of [
      validateDataset,
      (dataset: Dataset) => take(dataset, 3),
      (dataset: Dataset) => split(dataset, 0.5),
    ]) {
      expect(() => apply(strings)).toThrow(
        new DataError('dataset blobs: expected numbers in targets, got Array with string at 0'),
      );
    }
  });
});

describe('the type of an array', () => {
  it.each([
    ['Float32Array', isFloat32],
    ['Float64Array', isFloat64],
    ['Int32Array', isInt32],
    ['Uint8Array', isBytes],
    ['Uint8ClampedArray', isBytes],
  ] as const)('is recognised in any realm: %s', (name, isOfType) => {
    expect(isOfType(foreign([1, 2], name))).toBe(true);
    expect(isOfType(new globalThis[name](2))).toBe(true);
    expect(isOfType(new Int16Array(2))).toBe(false);
    expect(isOfType([1, 2])).toBe(false);
  });
});

describe('readers of bytes', () => {
  it.each([0.4, -1, 256, NaN])('refuse %f among bytes', (value) => {
    expect(() => pixelStatistics(Float64Array.of(0, 255, value) as never)).toThrow(
      `pixelStatistics: expected pixels to be bytes 0 … 255, got Float64Array with ${value} at 2`,
    );
  });

  const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 3);
  const images = { count: 2, height: 1, width: 2, pixels: Uint8Array.of(0, 255, 3, 4) };
  const files = { imagesFile: 'images', labelsFile: 'labels' };

  it('take bytes of any type', async () => {
    const picture = {
      width: 28,
      height: 28,
      data: Uint8Array.from({ length: 784 }, (_, i) => i % 100),
    };
    const file = await createTrainer(wasm).encode();
    for (const convert of [foreign]) {
      expect([...parseIdxLabels(convert(labels), 'labels')]).toEqual([7, 3]);
      expect(digitImage({ ...picture, data: convert(picture.data) })).toEqual(digitImage(picture));
      expect(pixelStatistics(convert(images.pixels))).toEqual(pixelStatistics(images.pixels));
      expect(decodeSafetensors(convert(file))).toEqual(decodeSafetensors(file));
      const split = {
        images: { ...images, pixels: convert(images.pixels) },
        labels: convert(Uint8Array.of(7, 3)),
        ...files,
      };
      expect([...digitDatasets('two', split, split).train.inputs]).toEqual([...images.pixels]);
    }
  });
});
