import { expect } from 'vitest';
import {
  type Backend,
  type Dataset,
  linear,
  relu,
  type State,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
  type TrainerOptions,
} from '../../src/index.js';
import { RandomStream } from '../../src/random/threefry.js';
import { expectClose, expectSameBits, type Tolerance } from '../values.js';

export const FEATURES = 4;
export const CLASSES = 3;

interface BlobOptions {
  readonly size?: number;
  readonly seed?: number;
  readonly classes?: number;
  readonly bytes?: boolean;
}

/**
 * Points around one centre per class, in random order. The centres are the same for every seed, so
 * that points of one seed can test a model trained on points of another.
 */
export function blobs({
  size = 100,
  seed = 0,
  classes = CLASSES,
  bytes = false,
}: BlobOptions = {}): Dataset {
  const ofCentres = new RandomStream(8, 0);
  const centres = Array.from({ length: classes * FEATURES }, () => 4 * ofCentres.nextFloat() - 2);
  const random = new RandomStream(seed, 1);
  const targets = Int32Array.from({ length: size }, () => random.nextBelow(classes));
  const reals = Float32Array.from({ length: size * FEATURES }, (_, i) => {
    const centre = centres[targets[Math.floor(i / FEATURES)] * FEATURES + (i % FEATURES)];
    return centre + 0.6 * random.nextNormal();
  });
  return {
    name: 'blobs',
    size,
    features: FEATURES,
    inputs: bytes ? Uint8Array.from(reals, toByte) : reals,
    targets,
    classes,
    normalization: bytes ? { mean: 0.5, std: 0.125 } : { mean: 0, std: 1 },
  };
}

/** Maps −4 … 4 to 0 … 255. */
function toByte(value: number): number {
  return Math.min(Math.max(Math.round((value + 4) * 32), 0), 255);
}

/** y = x₀ − 2x₁ + ½, with a little noise. */
export function plane({ size = 100, seed = 0 } = {}): Dataset {
  const random = new RandomStream(seed, 2);
  const inputs = Float32Array.from({ length: 2 * size }, () => random.nextNormal());
  const targets = Float32Array.from({ length: size }, (_, n) => {
    return inputs[2 * n] - 2 * inputs[2 * n + 1] + 0.5 + 0.1 * random.nextNormal();
  });
  const normalization = { mean: 0, std: 1 };
  return { name: 'plane', size, features: 2, inputs, targets, classes: 0, normalization };
}

/** A small network for `blobs`. */
export function network() {
  return sequential(linear(FEATURES, 8), relu(), linear(8, CLASSES));
}

/** A trainer for `blobs`; options replace the defaults. */
export function createTrainer(backend: Backend, options: Partial<TrainerOptions> = {}): Trainer {
  return new Trainer(backend, {
    model: network(),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
    batchSize: 16,
    seed: 0,
    ...options,
  });
}

/** Some of a dataset's examples in the form that `gradients` and `predict` accept. */
export function examplesOf(
  { inputs, features, targets }: Dataset,
  indices: ArrayLike<number>,
): { inputs: Uint8Array | Float32Array; targets: number[] } {
  const rows = Array.from(indices);
  const values = rows.flatMap((n) => [...inputs.subarray(n * features, (n + 1) * features)]);
  const Inputs = inputs instanceof Uint8Array ? Uint8Array : Float32Array;
  return { inputs: Inputs.from(values), targets: rows.map((n) => targets[n]) };
}

export function expectSameState(got: State, want: State): void {
  expect([...got.keys()]).toEqual([...want.keys()]);
  for (const [name, { data }] of want) expectSameBits(name, got.get(name)?.data ?? [], data);
}

export function expectCloseState(got: State, want: State, tolerance: Tolerance): void {
  expect([...got.keys()]).toEqual([...want.keys()]);
  for (const [name, { data }] of want) {
    expectClose(name, got.get(name)?.data ?? [], data, tolerance);
  }
}

/** Whether any weight differs. */
export function differs(a: State, b: State): boolean {
  return [...a].some(([name, { data }]) => {
    const other = b.get(name)?.data ?? [];
    return Array.from(data).some((value, i) => !Object.is(value, other[i]));
  });
}
