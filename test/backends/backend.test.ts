import { describe, expect, it, vi } from 'vitest';
import type { Precision } from '../../src/backends/reference.js';
import type { WasmBuild } from '../../src/backends/wasm/module.js';
import { BackendError } from '../../src/errors.js';
import type { Backend } from '../../src/numerics/backend.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { RandomStream } from '../../src/random/threefry.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, type Tolerance } from '../values.js';

const exactReference = await createBackend('reference', { precision: 'float64' });

describe('the numerical core on reference float64', () => {
  numericalCore(exactReference, { relative: 1e-15 });

  it('returns float64', async () => {
    expect(await exactReference.tanh([0.5])).toEqual(Float64Array.of(Math.tanh(0.5)));
  });
});

describeOnEachBackend('the numerical core', (backend) => {
  numericalCore(backend, { relative: 4e-7 });

  it('returns float32', async () => {
    expect(await backend.relu([0.1])).toEqual(Float32Array.of(0.1));
  });

  it('agrees with the float64 reference on odd sizes', async () => {
    const random = new RandomStream(5, 0);
    const draw = (size: number) =>
      Float32Array.from({ length: size }, () => random.nextNormal() || 1);
    const [batch, inputs, outputs] = [13, 37, 11];
    const [x, W, b] = [draw(batch * inputs), draw(inputs * outputs), draw(outputs)];
    const labels = Int32Array.from({ length: batch }, () => random.nextBelow(outputs));
    const answers = async (of: Backend) => {
      const z = await of.linear(x, W, b, { batch, inputs, outputs });
      return { z, ...(await of.softmaxCrossEntropy(z, labels, { classes: outputs })) };
    };
    const [got, want] = [await answers(backend), await answers(exactReference)];
    expectClose('z', got.z, want.z, { absolute: 2e-5 });
    expectClose('p', got.probabilities, want.probabilities, { absolute: 1e-5 });
    expectClose('dz', got.dlogits, want.dlogits, { absolute: 1e-6 });
    expectClose('L', [got.loss], [want.loss], { relative: 1e-5 });
  });

  it('agrees with the float64 reference on a convolution with all options', async () => {
    const random = new RandomStream(6, 0);
    const draw = (size: number) =>
      Float32Array.from({ length: size }, () => random.nextNormal() || 1);
    const channels = { inputs: 6, outputs: 10, groups: 2 };
    const windows = { kernel: [3, 2], stride: [2, 1], padding: [1, 2], dilation: [1, 3] } as const;
    const sizes = { batch: 3, height: 7, width: 5, ...channels, ...windows };
    const [x, W, b] = [draw(3 * 7 * 5 * 6), draw(3 * 2 * 3 * 10), draw(10)];
    const dy = draw(3 * 4 * 6 * 10);
    const answers = async (of: Backend) => ({
      y: await of.conv2d(x, W, b, sizes),
      dx: await of.conv2dBackwardInput(dy, W, sizes),
      dW: await of.conv2dBackwardWeight(x, dy, sizes),
      db: await of.conv2dBackwardBias(dy, sizes),
    });
    const [got, want] = [await answers(backend), await answers(exactReference)];
    for (const name of ['y', 'dx', 'dW', 'db'] as const) {
      expectClose(name, got[name], want[name], { absolute: 2e-5 });
    }
  });

  it('rejects every call after it is closed', async () => {
    const own = await another(backend);
    await own.relu([1]);
    await own.close();
    await own.close();
    const closed = new BackendError(`${own.info.backend}: the backend is closed`);
    await expect(own.relu([1])).rejects.toThrow(closed);
    await expect(own.matmul([1], [1], { m: 1, n: 1, k: 1 })).rejects.toThrow(closed);
  });

  it('closes at the end of its block, after earlier calls are done', async () => {
    const own = await another(backend);
    const inBlock = async () => {
      await using used = own;
      return { result: used.relu([-1, 3]) };
    };
    const { result } = await inBlock();
    expectClose('relu', await result, [0, 3], {});
    await expect(own.relu([1])).rejects.toThrow(BackendError);
  });

  it('compiles a shape once, and again only after it was dropped', async () => {
    const own = await another(backend);
    const compile = vi.spyOn(own.runtime, 'compile');
    const relu = (size: number) => own.relu(new Float32Array(size).fill(1));
    for (let size = 2; size <= 200; size++) {
      await relu(1);
      await relu(size);
    }
    expect(compile).toHaveBeenCalledTimes(200);
    await relu(200);
    expect(compile).toHaveBeenCalledTimes(200);
    await relu(2);
    expect(compile).toHaveBeenCalledTimes(201);
  });

  it('keeps a bounded number of shapes, and computes dropped shapes correctly', async () => {
    const relu = (size: number) =>
      backend.relu(Float32Array.from({ length: size }, (_, i) => i - 3));
    const want = (size: number) => Array.from({ length: size }, (_, i) => Math.max(i - 3, 0));
    const round = async (times: number) => {
      for (let i = 0; i < times; i++) {
        for (let size = 1; size <= 100; size++) {
          expectClose(`relu of ${size}`, await relu(size), want(size), {});
        }
      }
    };
    await round(1);
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
    try {
      await round(3);
      expect(grow).not.toHaveBeenCalled();
    } finally {
      grow.mockRestore();
    }
  });
});

/** Another backend of the same kind. */
function another({ info: { backend, build } }: Backend): Promise<Backend> {
  switch (backend) {
    case 'wasm':
      return createBackend(backend, { build: build as WasmBuild });
    case 'reference':
      return createBackend(backend, { precision: build as Precision });
    case 'webgpu':
      return createBackend(backend);
    default:
      return backend satisfies never;
  }
}

/** 3×3 pixels and 2×2 taps with distinct products. */
const IMAGE = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const KERNEL = [1, 10, 100, 1000];

/** Tests of the result of every method. */
function numericalCore(backend: Backend, rounding: Tolerance): void {
  const near = (name: string, got: ArrayLike<number>, want: readonly number[]) =>
    expectClose(name, got, want, rounding);

  it('multiplies matrices, transposed or not', async () => {
    const sizes = { m: 2, n: 2, k: 3 };
    const [a, b] = [
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9, 10, 11, 12],
    ];
    const [aStored, bStored] = [
      [1, 4, 2, 5, 3, 6],
      [7, 9, 11, 8, 10, 12],
    ];
    const want = [58, 64, 139, 154];
    near('a·b', await backend.matmul(a, b, sizes), want);
    near('aᵀ·b', await backend.matmul(aStored, b, { ...sizes, transposeA: true }), want);
    near('a·bᵀ', await backend.matmul(a, bStored, { ...sizes, transposeB: true }), want);
    const both = { ...sizes, transposeA: true, transposeB: true };
    near('aᵀ·bᵀ', await backend.matmul(aStored, bStored, both), want);
  });

  it('computes a linear layer and its bias gradient', async () => {
    const [x, W, b] = [
      [1, 2, 3, -1],
      [1, 2, 3, 4, 5, 6],
      [10, 20, 30],
    ];
    const sizes = { batch: 2, inputs: 2, outputs: 3 };
    near('y', await backend.linear(x, W, b, sizes), [19, 32, 45, 9, 21, 33]);
    const db = await backend.linearBackwardBias([1, 0, 2, -1, 4, 3], { batch: 2, outputs: 3 });
    near('db', db, [0, 4, 5]);
  });

  it('convolves images with and without a bias, and computes the gradients of all operands', async () => {
    const sizes = { batch: 1, height: 3, width: 3, inputs: 1, outputs: 1, kernel: 2 };
    near('y', await backend.conv2d(IMAGE, KERNEL, undefined, sizes), [5421, 6532, 8754, 9865]);
    near('y + 5', await backend.conv2d(IMAGE, KERNEL, [5], sizes), [5426, 6537, 8759, 9870]);
    const dy = [1, 0, 0, 2];
    const dx = await backend.conv2dBackwardInput(dy, KERNEL, sizes);
    near('dx', dx, [1, 10, 0, 100, 1002, 20, 0, 200, 2000]);
    near('dW', await backend.conv2dBackwardWeight(IMAGE, dy, sizes), [11, 14, 20, 23]);
    near('db', await backend.conv2dBackwardBias(dy, sizes), [3]);
  });

  it('convolves with strides, padding, dilation and groups, equal or different in rows and columns', async () => {
    const square = { batch: 1, height: 3, width: 3, inputs: 1, outputs: 1, kernel: 2 };
    const padded = { ...square, padding: 1, stride: [3, 1] } as const;
    near(
      'padded',
      await backend.conv2d(IMAGE, KERNEL, undefined, padded),
      [1000, 2100, 3200, 300, 70, 87, 98, 9],
    );
    near(
      'dilated',
      await backend.conv2d(IMAGE, KERNEL, undefined, { ...square, dilation: 2 }),
      [9731],
    );
    const grouped = { ...square, height: 1, inputs: 2, outputs: 4, groups: 2 };
    const pixels = [1, 2, 3, 4, 5, 6];
    const weights = [1, 0, 0, 1, 10, 0, 0, 10, 100, 1, 1, 100];
    const sizes = { ...grouped, kernel: [1, 3] } as const;
    near('grouped', await backend.conv2d(pixels, weights, undefined, sizes), [531, 5, 6, 642]);
  });

  it('computes relu, sigmoid and tanh, and their derivatives', async () => {
    near('relu', await backend.relu([-2, 0, 3]), [0, 0, 3]);
    near('drelu', await backend.reluBackward([5, 6, 7], [0, 0, 3]), [0, 0, 7]);
    const third = Math.log(0.5); // σ(ln ½) = ⅓
    near('sigmoid', await backend.sigmoid([0, third, -third]), [1 / 2, 1 / 3, 2 / 3]);
    near('dsigmoid', await backend.sigmoidBackward([4, -8], [0.5, 0.25]), [1, -1.5]);
    near('tanh', await backend.tanh([0, Math.log(2)]), [0, 0.6]);
    near('dtanh', await backend.tanhBackward([2, 1], [0.5, 0]), [1.5, 1]);
  });

  it('computes softmax over each row, also for logits whose exponentials overflow', async () => {
    const p = await backend.softmax([0, Math.log(3), 1000, 1000], { classes: 2 });
    near('p', p, [1 / 4, 3 / 4, 1 / 2, 1 / 2]);
  });

  it('computes softmax cross-entropy with its gradient', async () => {
    const logits = [0, Math.log(3), 0, 0];
    const result = await backend.softmaxCrossEntropy(logits, [1, 0], { classes: 2 });
    near('L', [result.loss], [(Math.log(4 / 3) + Math.log(2)) / 2]);
    near('p', result.probabilities, [1 / 4, 3 / 4, 1 / 2, 1 / 2]);
    near('dz', result.dlogits, [1 / 8, -1 / 8, -1 / 4, 1 / 4]);
  });

  it('computes binary cross-entropy with its gradient', async () => {
    const result = await backend.binaryCrossEntropy([Math.log(3), 0], [1, 0]);
    near('L', [result.loss], [(Math.log(4 / 3) + Math.log(2)) / 2]);
    near('p', result.probabilities, [3 / 4, 1 / 2]);
    near('dz', result.dlogits, [-1 / 8, 1 / 4]);
  });

  it('computes the mnist loss with its gradient', async () => {
    const result = await backend.mnistLoss([Math.log(3), 0], [1, 0]);
    near('L', [result.loss], [3 / 8]);
    near('p', result.probabilities, [3 / 4, 1 / 2]);
    near('dz', result.dlogits, [-3 / 32, 1 / 8]);
  });

  it('computes squared error as a mean or a sum, with its gradient', async () => {
    const mean = await backend.squaredError([1, 4], [3, 1]);
    near('mean', [mean.loss], [6.5]);
    near('gradient of the mean', mean.dpredictions, [-2, 3]);
    const sum = await backend.squaredError([1, 4], [3, 1], { reduction: 'sum' });
    near('sum', [sum.loss], [13]);
    near('gradient of the sum', sum.dpredictions, [-4, 6]);
  });

  it('computes an update of gradient descent, with and without weight decay', async () => {
    near('w', await backend.sgd([1, -2], [4, 8], { learningRate: 0.25 }), [0, -4]);
    const decaying = { learningRate: 0.25, weightDecay: 0.5 };
    near('w', await backend.sgd([1, -2], [4, 8], decaying), [-0.125, -3.75]);
  });

  it('accepts any kind of array and changes none', async () => {
    for (const x of [
      [3, 200],
      Uint8Array.of(3, 200),
      Int32Array.of(3, 200),
      Float64Array.of(3, 200),
    ]) {
      near('relu', await backend.relu(x), [3, 200]);
    }
    const [w, dw] = [Float32Array.of(1, 2), Float32Array.of(3, 4)];
    const updated = await backend.sgd(w, dw, { learningRate: 1 });
    near('w', w, [1, 2]);
    near('dw', dw, [3, 4]);
    updated.fill(0);
    near('w again', await backend.sgd(w, dw, { learningRate: 1 }), [-2, -2]);
  });

  it('returns the same results for concurrent as for consecutive calls', async () => {
    const calls = Array.from({ length: 200 }, async (_, i) => {
      const size = 1 + (i % 7);
      const values = Array.from({ length: size }, (_, j) => i + j);
      switch (i % 4) {
        case 0:
          return near(`relu ${i}`, await backend.relu(values), values);
        case 1: {
          const product = await backend.matmul(values, [2], { m: size, n: 1, k: 1 });
          return near(
            `matmul ${i}`,
            product,
            values.map((v) => 2 * v),
          );
        }
        case 2: {
          const { loss } = await backend.squaredError(
            values,
            values.map((v) => v + 1),
          );
          return near(`loss ${i}`, [loss], [1]);
        }
        default: {
          const updated = await backend.sgd(values, values, { learningRate: 1 });
          return near(
            `sgd ${i}`,
            updated,
            values.map(() => 0),
          );
        }
      }
    });
    await Promise.all(calls);
  });
}
