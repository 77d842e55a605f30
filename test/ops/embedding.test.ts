import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/errors.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { drawReals, integers } from '../../src/ops/cases.js';
import { embeddingBackward, embeddingCase } from '../../src/ops/embedding.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, expectSameBits } from '../values.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  expectNear,
  extent,
  forAll,
  matrix,
  runOp,
  vector,
} from './checks.js';

/** The shape of t, (B) or (B, T), and V and D of the table. */
const sizes = (largest: number) =>
  fc.tuple(
    fc.oneof(
      extent(largest).map((B) => [B]),
      fc.tuple(extent(4), extent(largest)).map(([B, T]) => [B, T]),
    ),
    extent(largest),
    extent(largest),
  );

/** Three rows of three columns. */
const TABLE = matrix([1, 2, 3], [4, 5, 6], [7, 8, 9]);

describe('embedding', () => {
  it('has the gradient that central differences find', async () => {
    await forAll(sizes(6), (random, [shape, V, D]) =>
      expectGradients(embeddingCase(random, shape, V, D)),
    );
  });

  it('has a gradient equal to the long form, Xᵀ·dy with one-hot rows X', async () => {
    await forAll(sizes(9), async (random, [shape, V, D]) => {
      const t = integers(random, shape, V).data;
      const N = t.length;
      const dy = Float64Array.from(drawReals(random, N * D));
      const dW = new Float64Array(V * D);
      embeddingBackward(dW, dy, t as Int32Array, { N, D });
      const want = new Float64Array(V * D);
      for (let v = 0; v < V; v++) {
        for (let d = 0; d < D; d++) {
          for (let n = 0; n < N; n++) want[v * D + d] += Number(t[n] === v) * dy[n * D + d];
        }
      }
      expectClose('dW', dW, want, { absolute: 1e-12 });
    });
  });

  it('refuses tensors that do not fit together', () => {
    expect(callWith('embeddingForward', { t: [5], W: [7, 3] })).not.toThrow();
    expect(callWith('embeddingForward', { t: [5], W: [7] })).toThrow(
      'embedding: expected W of shape (V, D), got (7)',
    );
    const backward = (shapes: { dy: number[]; t: number[] }, dW: number[]) =>
      callWith('embeddingBackward', shapes, { like: { dW } });
    expect(backward({ dy: [2, 5, 3], t: [2, 5] }, [7, 3])).not.toThrow();
    expect(backward({ dy: [5, 3], t: [5] }, [7, 4])).toThrow(
      'embedding: expected dy of shape (5, 4), got (5, 3)',
    );
    expect(backward({ dy: [10, 3], t: [2, 5] }, [7, 3])).toThrow(
      'embedding: expected dy of shape (2, 5, 3), got (10, 3)',
    );
    expect(backward({ dy: [5, 3], t: [5] }, [7, 3, 1])).toThrow(
      'embedding: expected dW of shape (V, D), got (7, 3, 1)',
    );
  });

  it('gives the same bits on any number of threads', async () => {
    const random = new RandomStream(1, STREAMS.data);
    const [N, V, D] = [301, 7, 53];
    const dy = { shape: [N, D], data: drawReals(random, N * D) };
    const t = { shape: [N], data: integers(random, [N], V).data };
    const results = [];
    for (const threads of [1, 2, 3]) {
      await using backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
      const options = { like: { dW: [V, D] } };
      const { dW } = await backend.call('embeddingBackward', { dy, t }, options);
      const { y } = await backend.call('embeddingForward', { t, W: dW });
      results.push({ dW, y });
    }
    for (const { dW, y } of results.slice(1)) {
      expectSameBits('dW', dW.data, results[0].dW.data);
      expectSameBits('y', y.data, results[0].y.data);
    }
  });
});

describeOnEachBackend('embedding', (backend) => {
  it('agrees with the reference for all numbers of positions, rows and columns', async () => {
    await forAll(sizes(40), (random, [shape, V, D]) =>
      expectAgreement(embeddingCase(random, shape, V, D), backend),
    );
  });

  it('agrees with the reference for many positions, with few rows and with many', async () => {
    for (const [N, V, D] of [
      [520, 3, 5],
      [300, 500, 33],
      [257, 1, 70],
    ]) {
      const random = new RandomStream(1, STREAMS.data);
      await expectAgreement(embeddingCase(random, [N], V, D), backend);
    }
  });

  it('copies the rows that t names', async () => {
    const t = { shape: [2, 2], data: [2, 0, 2, 1] };
    const { y } = await runOp(backend, 'embeddingForward', { t, W: TABLE });
    expect([...y]).toEqual([7, 8, 9, 1, 2, 3, 7, 8, 9, 4, 5, 6]);
  });

  it('sums the gradients of each row, and leaves 0 in rows that do not occur', async () => {
    const dy = matrix([1, 2, 3], [10, 20, 30], [4, 5, 6], [100, 200, 300]);
    const operands = { dy, t: vector(3, 0, 3, 1) };
    const { dW } = await runOp(backend, 'embeddingBackward', operands, { like: { dW: [5, 3] } });
    expectNear(dW, [10, 20, 30, 100, 200, 300, 0, 0, 0, 5, 7, 9, 0, 0, 0]);
  });

  it('propagates NaN to its row only', async () => {
    const t = vector(1, 0, 1);
    const W = matrix([1, 2], [NaN, 3]);
    const { y } = await runOp(backend, 'embeddingForward', { t, W });
    expect([...y]).toEqual([NaN, 3, 1, 2, NaN, 3]);
    const operands = { dy: matrix([1, 2], [3, 4], [NaN, 5]), t };
    const { dW } = await runOp(backend, 'embeddingBackward', operands, { like: { dW: [3, 2] } });
    expect([...dW]).toEqual([3, 4, NaN, 7, 0, 0]);
  });

  it('refuses integers outside of the table', async () => {
    await expect(runOp(backend, 'embeddingForward', { t: vector(0, 3), W: TABLE })).rejects.toThrow(
      new DataError('embeddingForward: expected t to be an integer from 0 to 2, got 3 at 1'),
    );
    const operands = { dy: matrix([1, 2], [3, 4]), t: vector(-1, 0) };
    await expect(
      runOp(backend, 'embeddingBackward', operands, { like: { dW: [3, 2] } }),
    ).rejects.toThrow(
      new DataError('embeddingBackward: expected t to be an integer from 0 to 2, got -1 at 0'),
    );
  });
});
