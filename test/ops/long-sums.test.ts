import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/numerics/backend.js';
import { TERMS_PER_BLOCK } from '../../src/ops/constants.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import type { Values } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';

/** Largest relative error of a sum whose terms all have the same sign, however many there are. */
const LARGEST_ERROR = 2e-6;

/** Fills arrays with the terms of a sum. */
interface Terms {
  readonly title: string;
  fill(size: number): Float32Array;
}

/** In a chain of TERMS_PER_BLOCK such numbers, the last half of the additions all round the same way. */
const ONE_SIDED = 1 + (TERMS_PER_BLOCK / 2 - 1) * 2 ** -23;
const constant = (value: number): Terms => ({
  title: String(value),
  fill: (size) => new Float32Array(size).fill(value),
});
const uniform: Terms = {
  title: 'uniform numbers',
  fill: (size) => {
    const random = new RandomStream(1, STREAMS.data);
    return Float32Array.from({ length: size }, () => random.nextFloat());
  },
};
const TERMS = [constant(0.1), constant(1 / 3), constant(ONE_SIDED), uniform];

/** Results of an op that sums n terms, and what they are in float64. */
interface Sums {
  readonly got: Values;
  /** The value of every result, or of each one. */
  readonly want: number | readonly number[];
}

type Sum = (backend: Backend, n: number, terms: Terms) => Promise<Sums>;

const total = (values: ArrayLike<number>, value = (i: number) => values[i]) => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += value(i);
  return sum;
};
const CONVOLUTION = {
  strideHeight: 1,
  strideWidth: 1,
  paddingHeight: 0,
  paddingWidth: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
};
/** A side of a square of about n pixels. */
const sideOf = (n: number) => Math.ceil(Math.sqrt(n));

/** Every op with a sum whose length grows with the data, by what it sums. */
const SUMS: Readonly<Record<string, Sum>> = {
  'a product of matrices': async (backend, n, { fill }) => {
    const [M, N] = [3, 5];
    const row = fill(n);
    const A = Float32Array.from({ length: M * n }, (_, i) => row[i % n]);
    const B = new Float32Array(n * N).fill(1);
    const { C } = await backend.call(
      'matmul',
      { A: { shape: [M, n], data: A }, B: { shape: [n, N], data: B } },
      { attributes: { transposeA: 0, transposeB: 0 } },
    );
    return { got: C.data, want: total(row) };
  },
  'a product of packed matrices': async (backend, n, { fill }) => {
    const [M, N] = n > 50_000 ? [3, 16] : [50, 260];
    const row = fill(n);
    const A = Float32Array.from({ length: M * n }, (_, i) => row[i % n]);
    const B = new Float32Array(n * N).fill(1);
    const { C } = await backend.call(
      'matmul',
      { A: { shape: [M, n], data: A }, B: { shape: [N, n], data: B } },
      { attributes: { transposeA: 0, transposeB: 1 } },
    );
    return { got: C.data, want: total(row) };
  },
  'a product with a vector': async (backend, n, { fill }) => {
    const x = fill(n);
    const { y } = await backend.call('linearForward', {
      x: { shape: [1, n], data: x },
      W: { shape: [n, 1], data: new Float32Array(n).fill(1) },
      b: { shape: [1], data: [0] },
    });
    return { got: y.data, want: total(x) };
  },
  'gradient of a weight': async (backend, n, { fill }) => {
    const x = fill(n);
    const { dW } = await backend.call('linearBackwardWeight', {
      x: { shape: [n, 1], data: x },
      dy: { shape: [n, 3], data: new Float32Array(3 * n).fill(1) },
    });
    return { got: dW.data, want: total(x) };
  },
  'gradient of a bias': async (backend, n, { fill }) => {
    const dy = fill(n);
    const { db } = await backend.call('linearBackwardBias', { dy: { shape: [n, 1], data: dy } });
    return { got: db.data, want: total(dy) };
  },
  'gradient of a kernel, over large images': async (backend, n, { fill }) => {
    const side = sideOf(n);
    const dy = fill(side * side);
    const { dW } = await backend.call(
      'conv2dBackwardWeight',
      {
        x: { shape: [1, side, side, 1], data: new Float32Array(side * side).fill(1) },
        dy: { shape: [1, side, side, 1], data: dy },
      },
      { attributes: CONVOLUTION, like: { dW: [1, 1, 1, 1] } },
    );
    return { got: dW.data, want: total(dy) };
  },
  'gradient of a kernel, over small images': async (backend, n, { fill }) => {
    const images = Math.ceil(n / 4);
    const dy = fill(4 * images);
    const { dW } = await backend.call(
      'conv2dBackwardWeight',
      {
        x: { shape: [images, 2, 2, 1], data: new Float32Array(4 * images).fill(1) },
        dy: { shape: [images, 2, 2, 1], data: dy },
      },
      { attributes: CONVOLUTION, like: { dW: [1, 1, 1, 1] } },
    );
    return { got: dW.data, want: total(dy) };
  },
  'gradient of the bias of a convolution': async (backend, n, { fill }) => {
    const side = sideOf(n);
    const dy = fill(side * side);
    const { db } = await backend.call('conv2dBackwardBias', {
      dy: { shape: [1, side, side, 1], data: dy },
    });
    return { got: db.data, want: total(dy) };
  },
  'a convolution over channels': async (backend, n, { fill }) => {
    const x = fill(n);
    const { y } = await backend.call(
      'conv2dForward',
      {
        x: { shape: [1, 1, 1, n], data: x },
        W: { shape: [1, 1, n, 1], data: new Float32Array(n).fill(1) },
      },
      { attributes: CONVOLUTION },
    );
    return { got: y.data, want: total(x) };
  },
  'mean of an image': async (backend, n, { fill }) => {
    const x = fill(n);
    const { y } = await backend.call('globalAveragePoolForward', {
      x: { shape: [1, 1, n, 1], data: x },
    });
    return { got: y.data, want: total(x) / n };
  },
  'mean of a window': async (backend, n, { fill }) => {
    const side = sideOf(n);
    const x = fill(side * side);
    const { y } = await backend.call(
      'averagePool2dForward',
      { x: { shape: [1, side, side, 1], data: x } },
      {
        attributes: {
          kernelHeight: side,
          kernelWidth: side,
          strideHeight: side,
          strideWidth: side,
          paddingHeight: 0,
          paddingWidth: 0,
        },
      },
    );
    return { got: y.data, want: total(x) / (side * side) };
  },
  'mean of a batch': async (backend, n, { fill }) => {
    const x = fill(n);
    // Statistics are sums of differences from the first row.
    x[0] = 0;
    const { mean } = await backend.call('batchNormStatistics', { x: { shape: [n, 1], data: x } });
    return { got: mean.data, want: total(x) / n };
  },
  'variance of a batch': async (backend, n, { fill }) => {
    const x = fill(n).map((value, i) => (i % 2 === 0 ? value : -value));
    const mean = total(x) / n;
    const { variance } = await backend.call('batchNormStatistics', {
      x: { shape: [n, 1], data: x },
    });
    return { got: variance.data, want: total(x, (i) => (x[i] - mean) ** 2) / n };
  },
  'gradients of batch norm': async (backend, n, { fill }) => {
    const dy = fill(n);
    const { dGamma, dBeta } = await backend.call(
      'batchNormBackwardParameters',
      {
        dy: { shape: [n, 1], data: dy },
        x: { shape: [n, 1], data: new Float32Array(n).fill(1) },
        mean: { shape: [1], data: [0] },
        variance: { shape: [1], data: [1] },
      },
      { attributes: { epsilon: 0 } },
    );
    return { got: Float32Array.of(dGamma.data[0], dBeta.data[0]), want: total(dy) };
  },
  'statistics of layer norm': async (backend, n, { fill }) => {
    const x = fill(n);
    x[0] = 0;
    const want = total(x) / n;
    const variance = total(x, (i) => (x[i] - want) ** 2) / n;
    const { mean, rstd } = await backend.call(
      'layerNormForward',
      {
        x: { shape: [1, n], data: x },
        gamma: { shape: [n], data: new Float32Array(n) },
        beta: { shape: [n], data: new Float32Array(n) },
      },
      { attributes: { epsilon: 1 } },
    );
    const got = Float32Array.of(mean.data[0], rstd.data[0]);
    return { got, want: [want, 1 / Math.sqrt(variance + 1)] };
  },
  'gradients of layer norm': async (backend, n, { fill }) => {
    const dy = fill(n);
    const { dGamma, dBeta } = await backend.call('layerNormBackwardParameters', {
      dy: { shape: [n, 1], data: dy },
      x: { shape: [n, 1], data: new Float32Array(n).fill(1) },
      mean: { shape: [n], data: new Float32Array(n) },
      rstd: { shape: [n], data: new Float32Array(n).fill(1) },
    });
    return { got: Float32Array.of(dGamma.data[0], dBeta.data[0]), want: total(dy) };
  },
  'statistics of group norm': async (backend, n, { fill }) => {
    const x = fill(n);
    x[0] = 0;
    const { mean } = await backend.call(
      'groupNormForward',
      {
        x: { shape: [1, 1, n, 1], data: x },
        gamma: { shape: [1], data: [1] },
        beta: { shape: [1], data: [0] },
      },
      { attributes: { epsilon: 1, groups: 1 } },
    );
    return { got: mean.data, want: total(x) / n };
  },
  'gradients of group norm': async (backend, n, { fill }) => {
    const images = Math.ceil(n / 4);
    const dy = fill(4 * images);
    const { dGamma, dBeta } = await backend.call('groupNormBackwardParameters', {
      dy: { shape: [images, 2, 2, 1], data: dy },
      x: { shape: [images, 2, 2, 1], data: new Float32Array(4 * images).fill(1) },
      mean: { shape: [images, 1], data: new Float32Array(images) },
      rstd: { shape: [images, 1], data: new Float32Array(images).fill(1) },
    });
    return { got: Float32Array.of(dGamma.data[0], dBeta.data[0]), want: total(dy) };
  },
  'gradient of an embedding': async (backend, n, { fill }) => {
    const dy = fill(n);
    const { dW } = await backend.call(
      'embeddingBackward',
      { dy: { shape: [n, 1], data: dy }, t: { shape: [n], data: new Int32Array(n).fill(1) } },
      { like: { dW: [2, 1] } },
    );
    return { got: dW.data.slice(1), want: total(dy) };
  },
  'probabilities of many classes': async (backend, n, { fill }) => {
    const z = fill(n).map((value) => -value);
    z[0] = 0;
    const sum = total(z, (i) => Math.exp(z[i]));
    const { p } = await backend.call('softmaxForward', { z: { shape: [1, n], data: z } });
    return { got: p.data.slice(0, 1), want: 1 / sum };
  },
  'softmax cross-entropy of a large batch': async (backend, n, { fill }) => {
    const logits = fill(n);
    const z = Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 === 0 ? logits[i / 2] : 0));
    const { L } = await backend.call('softmaxCrossEntropyForward', {
      z: { shape: [n, 2], data: z },
      t: { shape: [n], data: new Int32Array(n) },
    });
    const losses = total(new Float32Array(n), (i) => Math.log1p(Math.exp(-z[2 * i])));
    return { got: L.data, want: losses / n };
  },
  'binary cross-entropy of a large batch': async (backend, n, { fill }) => {
    const z = fill(n);
    const { L } = await backend.call('binaryCrossEntropyForward', {
      z: { shape: [n, 1], data: z },
      t: { shape: [n], data: new Int32Array(n).fill(1) },
    });
    return { got: L.data, want: total(z, (i) => Math.log1p(Math.exp(-z[i]))) / n };
  },
  'MNIST loss of a large batch': async (backend, n, { fill }) => {
    const z = fill(n);
    const { L } = await backend.call('mnistLossForward', {
      z: { shape: [n, 1], data: z },
      t: { shape: [n], data: new Int32Array(n) },
    });
    return { got: L.data, want: total(z, (i) => 1 / (1 + Math.exp(-z[i]))) / n };
  },
  'squared error of a large batch': async (backend, n, { fill }) => {
    const y = fill(n);
    const { L } = await backend.call(
      'squaredErrorForward',
      { y: { shape: [n, 1], data: y }, t: { shape: [n, 1], data: new Float32Array(n) } },
      { attributes: { scale: 1 / n } },
    );
    return { got: L.data, want: total(y, (i) => y[i] ** 2) / n };
  },
  'norm of a gradient': async (backend, n, { fill }) => {
    const dw = fill(n);
    const { squares } = await backend.call(
      'sumOfSquares',
      { squares: { shape: [1], data: [0] }, dw: { shape: [n], data: dw } },
      { attributes: { slot: 0 } },
    );
    return { got: squares.data, want: total(dw, (i) => dw[i] ** 2) };
  },
};

/** The largest relative error of the results. */
function errorOf({ got, want }: Sums): number {
  const errors = Array.from(got, (value, i) => {
    const exact = typeof want === 'number' ? want : want[i];
    return Math.abs(value - exact) / Math.abs(exact);
  });
  return Math.max(...errors);
}

describeOnEachBackend('a long sum', (backend) => {
  // A GPU in software takes seconds for each sum, so it gets fewer; and minutes for sums of which one
  // workgroup computes all, or a tile mostly computes nothing.
  const onGpu = backend.info.backend === 'webgpu';
  for (const [title, sum] of Object.entries(SUMS)) {
    it(`is accurate: ${title}`, async () => {
      const longest = title === 'gradient of an embedding' ? 5000 : 100_000;
      for (const terms of onGpu ? [constant(ONE_SIDED), uniform] : TERMS) {
        for (const n of onGpu ? [1000, longest] : [1000, 4097, 300_000]) {
          const error = errorOf(await sum(backend, n, terms));
          expect(error, `${n} terms of ${terms.title}`).toBeLessThan(LARGEST_ERROR);
        }
      }
    }, 300_000);
  }

  for (const title of [
    'gradient of a bias',
    'gradient of a weight',
    'mean of an image',
    'mean of a batch',
  ]) {
    it(`is accurate with millions of terms: ${title}`, async () => {
      for (const terms of [constant(0.1), uniform]) {
        const n = onGpu && title === 'gradient of a weight' ? 1e6 : 1e7;
        const error = errorOf(await SUMS[title](backend, n, terms));
        expect(error, terms.title).toBeLessThan(LARGEST_ERROR);
      }
    }, 300_000);
  }
});

describe('terms of one sign', () => {
  it('drift in one long chain of additions', () => {
    const sum = new Float32Array(1);
    for (let i = 0; i < 1e6; i++) sum[0] += 0.1;
    expect(Math.abs(sum[0] / 1e5 - 1)).toBeGreaterThan(1000 * LARGEST_ERROR);
  });
});
