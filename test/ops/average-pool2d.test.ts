import { describe, expect, it } from 'vitest';
import { averagePool2dCase } from '../../src/ops/average-pool2d.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  forAll,
  image,
  poolingSizes,
  runOp,
  squareWindow,
} from './checks.js';

describe('averagePool2d', () => {
  it('has the gradient that central differences find', async () => {
    await forAll(poolingSizes({ extents: 6, channels: 3 }), (random, sizes) =>
      expectGradients(averagePool2dCase(random, sizes)),
    );
  });

  it('refuses tensors and windows that do not fit together', () => {
    const forward = (shapes: object, window = squareWindow(2, 2)) =>
      callWith('averagePool2dForward', { x: [5, 5, 6, 4], ...shapes }, { attributes: window });
    expect(forward({})).not.toThrow();
    expect(forward({ x: [5, 30, 4] })).toThrow(
      'averagePool2d: expected input of shape (B, H, W, C), got (5, 30, 4)',
    );
    const attributes = squareWindow(2, 2);
    const into = { y: [5, 3, 3, 4] };
    expect(callWith('averagePool2dForward', { x: [5, 5, 6, 4] }, { attributes, into })).toThrow(
      'averagePool2dForward: expected y of shape (5, 2, 3, 4), got (5, 3, 3, 4)',
    );
    expect(forward({}, squareWindow(7, 1))).toThrow(
      'averagePool2d: expected images of at least 7 × 7, as large as the window, got 5 × 6 with the padding',
    );
    expect(forward({}, squareWindow(2, 0))).toThrow(/strideHeight .* at least 1, got 0/);
    expect(forward({}, squareWindow(3, 1, 2))).toThrow(
      'averagePool2d: expected padding of at most half the window, 3 × 3, got 2 × 2',
    );
    const like = { dx: [5, 5, 6, 4] };
    expect(callWith('averagePool2dBackward', { dy: [5, 2, 3, 3] }, { attributes, like })).toThrow(
      'averagePool2d: expected dy of shape (5, 2, 3, 4), got (5, 2, 3, 3)',
    );
  });
});

describeOnEachBackend('averagePool2d', (backend) => {
  it('agrees with the reference for all windows and numbers of channels', async () => {
    await forAll(
      poolingSizes({ extents: 9, channels: 19 }),
      (random, sizes) => expectAgreement(averagePool2dCase(random, sizes), backend),
      60,
    );
  });

  it('skips the last row and column of an odd image, and gives them no gradient', async () => {
    const x = image([1, 2, 9], [4, 3, 9], [9, 9, 9]);
    const window = squareWindow(2, 2);
    const { y } = await runOp(backend, 'averagePool2dForward', { x }, { attributes: window });
    expect([...y]).toEqual([2.5]);
    const operands = { dy: image([8]) };
    const outputs = { dx: [1, 3, 3, 1] };
    const { dx } = await runOp(backend, 'averagePool2dBackward', operands, {
      attributes: window,
      like: outputs,
    });
    expect([...dx]).toEqual([2, 2, 0, 2, 2, 0, 0, 0, 0]);
  });

  it('counts padding as zeros, and sums gradients where windows overlap', async () => {
    const x = image([1, 2, 3], [4, 5, 6], [7, 8, 9]);
    const window = squareWindow(2, 1, 1);
    const { y } = await runOp(backend, 'averagePool2dForward', { x }, { attributes: window });
    expect([...y]).toEqual([
      ...[0.25, 0.75, 1.25, 0.75],
      ...[1.25, 3, 4, 2.25],
      ...[2.75, 6, 7, 3.75],
      ...[1.75, 3.75, 4.25, 2.25],
    ]);
    const dy = image([4, 0, 0, 0], [0, 8, 0, 0], [0, 0, 0, 0], [0, 0, 0, 16]);
    const { dx } = await runOp(
      backend,
      'averagePool2dBackward',
      { dy },
      { attributes: window, like: { dx: [1, 3, 3, 1] } },
    );
    expect([...dx]).toEqual([3, 2, 0, 2, 2, 0, 0, 0, 4]);
  });
});
