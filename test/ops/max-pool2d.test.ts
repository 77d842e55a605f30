import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Operand } from '../../src/numerics/operands.js';
import { maxPool2dCase } from '../../src/ops/max-pool2d.js';
import type { PoolingWindow } from '../../src/ops/pooling-window.js';
import type { Shape } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  extent,
  forAll,
  image,
  poolingSizes,
  runOp,
  squareWindow,
} from './checks.js';

describe('maxPool2d', () => {
  it('has the gradient that central differences find', async () => {
    await forAll(poolingSizes({ extents: 6, channels: 3 }), (random, sizes) =>
      expectGradients(maxPool2dCase(random, sizes)),
    );
  });

  it('refuses tensors that do not fit together', () => {
    const attributes = squareWindow(2, 2);
    const forward = (x: Shape, into: Readonly<Record<string, Shape>> = {}) =>
      callWith('maxPool2dForward', { x }, { attributes, into });
    expect(forward([5, 5, 6, 4])).not.toThrow();
    expect(forward([5, 30, 4])).toThrow(
      'maxPool2d: expected input of shape (B, H, W, C), got (5, 30, 4)',
    );
    expect(forward([5, 5, 6, 4], { y: [5, 3, 3, 4] })).toThrow(
      'maxPool2dForward: expected y of shape (5, 2, 3, 4), got (5, 3, 3, 4)',
    );
    expect(forward([5, 5, 6, 4], { index: [5, 2, 3, 3] })).toThrow(
      'maxPool2dForward: expected index of shape (5, 2, 3, 4), got (5, 2, 3, 3)',
    );
    const backward = { dy: [5, 2, 2, 4], index: [5, 2, 3, 4] };
    const like = { dx: [5, 5, 6, 4] };
    expect(callWith('maxPool2dBackward', backward, { attributes, like })).toThrow(
      'maxPool2d: expected dy of shape (5, 2, 3, 4), got (5, 2, 2, 4)',
    );
  });

  it.each<[string, PoolingWindow, string]>([
    [
      'a window of nothing',
      squareWindow(0, 1),
      'kernelHeight to be an integer of at least 1, got 0',
    ],
    ['half a pixel', { ...squareWindow(2, 2), kernelWidth: 1.5 }, 'kernelWidth to be an integer'],
    ['a stride of 0', squareWindow(2, 0), 'strideHeight to be an integer of at least 1, got 0'],
    [
      'padding below 0',
      squareWindow(2, 2, -1),
      'paddingHeight to be an integer of at least 0, got -1',
    ],
    [
      'padding beyond half the window',
      { ...squareWindow(3, 1, 1), paddingWidth: 2 },
      'padding of at most half the window, 3 × 3, got 1 × 2',
    ],
    [
      'padding beyond half the height of the window',
      { ...squareWindow(3, 1, 1), paddingHeight: 2 },
      'padding of at most half the window, 3 × 3, got 2 × 1',
    ],
    [
      'a window wider than the image',
      { ...squareWindow(4, 1, 1), kernelWidth: 9 },
      'images of at least 4 × 9, as large as the window, got 7 × 8 with the padding',
    ],
    [
      'a window larger than the image',
      { ...squareWindow(4, 1, 1), kernelHeight: 8 },
      'images of at least 8 × 4, as large as the window, got 7 × 8 with the padding',
    ],
    [
      'more positions than a byte has',
      { ...squareWindow(16, 1), kernelWidth: 17 },
      'a window of at most 256 pixels, got 16 × 17',
    ],
  ])('refuses %s', (_name, window, expected) => {
    expect(callWith('maxPool2dForward', { x: [1, 5, 6, 1] }, { attributes: window })).toThrow(
      `maxPool2d: expected ${expected}`,
    );
  });
});

describeOnEachBackend('maxPool2d', (backend) => {
  async function pool(x: Operand, window: PoolingWindow) {
    const results = await runOp(backend, 'maxPool2dForward', { x }, { attributes: window });
    return { y: [...results.y], index: [...results.index] };
  }

  async function spread(
    dy: Operand,
    index: readonly number[],
    dx: number[],
    window: PoolingWindow,
  ) {
    const operands = { dy, index: { data: index, shape: dy.shape } };
    const results = await runOp(backend, 'maxPool2dBackward', operands, {
      attributes: window,
      like: { dx },
    });
    return [...results.dx];
  }

  it('agrees with the reference for all windows and numbers of channels', async () => {
    await forAll(
      poolingSizes({ extents: 9, channels: 19 }),
      (random, sizes) => expectAgreement(maxPool2dCase(random, sizes), backend),
      60,
    );
  });

  it('agrees with the reference for adjacent windows of 2 × 2, on images of odd and even extents', async () => {
    const sizes = fc.tuple(extent(3), extent(8), extent(8), extent(19)).map(([B, H, W, C]) => ({
      shape: [B, H + 1, W + 1, C],
      kernel: [2, 2] as const,
      stride: [2, 2] as const,
      padding: [0, 0] as const,
    }));
    await forAll(sizes, (random, drawn) => expectAgreement(maxPool2dCase(random, drawn), backend));
  });

  it('skips the last row and column of an odd image, and gives them no gradient', async () => {
    const x = image([1, 2, 9], [4, 3, 9], [9, 9, 9]);
    expect(await pool(x, squareWindow(2, 2))).toEqual({ y: [4], index: [2] });
    expect(await spread(image([7]), [2], [1, 3, 3, 1], squareWindow(2, 2))).toEqual([
      ...[0, 0, 0],
      ...[7, 0, 0],
      ...[0, 0, 0],
    ]);
  });

  it('treats padding as −∞, and sums gradients where windows overlap', async () => {
    const x = image([-5, -1, -3], [-4, -2, -6], [-7, -8, -9]);
    const window = squareWindow(3, 2, 1);
    const { y, index } = await pool(x, window);
    expect(y).toEqual([-1, -1, -2, -2]);
    expect(index).toEqual([5, 3, 2, 0]);
    expect(await spread(image([1, 2], [4, 8]), index, [1, 3, 3, 1], window)).toEqual([
      ...[0, 3, 0],
      ...[0, 12, 0],
      ...[0, 0, 0],
    ]);
  });

  it.each([squareWindow(2, 2), squareWindow(2, 1), { ...squareWindow(2, 2), kernelWidth: 3 }])(
    'gives the gradient to the first of several maxima: %o',
    async (window) => {
      const flat = image([3, 3, 3], [3, 3, 3]);
      const { index } = await pool(flat, window);
      expect(index).toEqual(index.map(() => 0));
      const { index: later } = await pool(image([1, 3, 3], [3, 3, 3]), window);
      expect(later[0]).toBe(1);
    },
  );

  it('returns −∞ where a window holds nothing else', async () => {
    const x = image([-Infinity, -Infinity], [-Infinity, -Infinity]);
    expect(await pool(x, squareWindow(2, 2))).toEqual({ y: [-Infinity], index: [0] });
    expect(await pool(x, squareWindow(3, 2, 1))).toEqual({
      y: [-Infinity],
      index: [4],
    });
  });

  it('propagates NaN, and the index of the last one in the window', async () => {
    const x = image([NaN, 5, 1, 2], [NaN, 2, 1, NaN]);
    const sideBySide = await pool(x, squareWindow(2, 2));
    expect(sideBySide).toEqual({ y: [NaN, NaN], index: [2, 3] });
    const padded = await pool(x, squareWindow(3, 2, 1));
    expect(padded).toEqual({ y: [NaN, NaN], index: [7, 8] });
  });
});
