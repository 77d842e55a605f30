import { expect, it } from 'vitest';
import { DataError, ShapeError } from '../../src/errors.js';
import { OPS } from '../../src/ops/registry.js';
import { describeOnEachBackend } from '../backends.js';
import { image, matrix, squareWindow, vector } from '../ops/checks.js';

describeOnEachBackend('call', (backend) => {
  it('returns the outputs by role, each with its shape', async () => {
    const operands = { z: matrix([0, 0], [5, 5], [-1, -1]), t: vector(0, 1, 0) };
    const { L, p } = await backend.call('softmaxCrossEntropyForward', operands);
    expect(L.shape).toEqual([1]);
    expect(L.data[0]).toBeCloseTo(Math.LN2, 6);
    expect(p).toEqual({ shape: [3, 2], data: Float32Array.of(0.5, 0.5, 0.5, 0.5, 0.5, 0.5) });
  });

  it('returns integers in arrays of their type', async () => {
    const options = { attributes: squareWindow(2, 2) };
    const { y, index } = await backend.call(
      'maxPool2dForward',
      { x: image([1, 2], [4, 3]) },
      options,
    );
    expect(y.data).toEqual(Float32Array.of(4));
    expect(index).toEqual({ shape: [1, 1, 1, 1], data: Uint8Array.of(2) });
    const counts = { confusion: matrix([1, 0], [0, 0]), scores: matrix([2, 3]), t: vector(0) };
    const { confusion } = await backend.call('countConfusion', counts);
    expect(confusion).toEqual({ shape: [2, 2], data: Int32Array.of(1, 1, 0, 0) });
  });

  it('returns updated tensors as new arrays, and leaves the operands unchanged', async () => {
    const operands = {
      w: { shape: [2], data: Float32Array.of(1, -2) },
      v: { shape: [2], data: Float32Array.of(0, 4) },
      dw: { shape: [2], data: Float32Array.of(2, 2) },
      schedule: vector(0.5),
      state: { shape: [4], data: Int32Array.of(1, 0, 0, 0) },
    };
    const before = structuredClone(operands);
    const attributes = { momentum: 0.5, weightDecay: 0 };
    const { w, v } = await backend.call('sgdMomentumUpdate', operands, { attributes });
    expect(v).toEqual({ shape: [2], data: Float32Array.of(2, 4) });
    expect(w).toEqual({ shape: [2], data: Float32Array.of(0, -4) });
    expect(operands).toEqual(before);
  });

  it('keeps earlier results when it is called again', async () => {
    const first = await backend.call('reluForward', { x: vector(1, 2) });
    await backend.call('reluForward', { x: vector(3, 4) });
    expect([...first.y.data]).toEqual([1, 2]);
  });

  it('takes the shape of an output from like where operands do not give it', async () => {
    const x = matrix([0, 1, 2, 3, 4, 5]);
    const wide = await backend.call('channelsLast', { x }, { like: { y: [1, 1, 3, 2] } });
    expect(wide.y.shape).toEqual([1, 1, 3, 2]);
    expect([...wide.y.data]).toEqual([0, 3, 1, 4, 2, 5]);
    const high = await backend.call('channelsLast', { x }, { like: { y: [1, 3, 1, 2] } });
    expect(high.y.shape).toEqual([1, 3, 1, 2]);
    const deep = await backend.call('channelsLast', { x }, { like: { y: [1, 1, 2, 3] } });
    expect([...deep.y.data]).toEqual([0, 2, 4, 1, 3, 5]);
  });

  it('computes with the attributes of each call', async () => {
    const loss = async (scale: number) => {
      const operands = { y: vector(1, 2), t: vector(0, 4) };
      return (await backend.call('squaredErrorForward', operands, { attributes: { scale } })).L
        .data[0];
    };
    expect(await loss(1)).toBe(5);
    expect(await loss(2)).toBe(10);
    expect(await loss(1)).toBe(5);
    expect(await loss(Infinity)).toBe(Infinity);
    expect(await loss(-Infinity)).toBe(-Infinity);
    expect(await loss(NaN)).toBe(NaN);
  });

  it('propagates NaN and infinities', async () => {
    const { y } = await backend.call('add', { a: vector(NaN, Infinity), b: vector(1, 1) });
    expect([...y.data]).toEqual([NaN, Infinity]);
  });

  it('runs concurrent calls one after another', async () => {
    const results = await Promise.all(
      [1, 2, 3].map((value) => backend.call('reluForward', { x: vector(value, -value) })),
    );
    expect(results.map(({ y }) => [...y.data])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
  });

  it('refuses lengths that differ from the shape, and shapes that are not positive integers', async () => {
    const relu = (shape: number[], data: number[]) =>
      backend.call('reluForward', { x: { shape, data } });
    await expect(relu([2, 3], [1, 2, 3])).rejects.toThrow(
      new ShapeError('reluForward: expected x to have 2·3 = 6 elements, got 3'),
    );
    await expect(relu([0], [])).rejects.toThrow(
      new ShapeError(
        'reluForward: expected every extent of x to be an integer of at least 1, got 0',
      ),
    );
    await expect(relu([-1, -2], [1, 2])).rejects.toThrow(ShapeError);
    await expect(relu([1.5, 2], [1, 2, 3])).rejects.toThrow(ShapeError);
    await expect(backend.call('add', { a: vector(1, 2), b: matrix([1, 2]) })).rejects.toThrow(
      new ShapeError('add: expected b of shape (2) like a, got (1, 2)'),
    );
  });

  it('refuses class numbers and indices out of range', async () => {
    const loss = (...labels: number[]) =>
      backend.call('softmaxCrossEntropyForward', {
        z: matrix([1, 2], [3, 4]),
        t: vector(...labels),
      });
    const error = 'softmaxCrossEntropyForward: expected t to be an integer from 0 to 1, got';
    await expect(loss(0, 2)).rejects.toThrow(new DataError(`${error} 2 at 1`));
    await expect(loss(-1, 0)).rejects.toThrow(new DataError(`${error} -1 at 0`));
    await expect(loss(0, 0.5)).rejects.toThrow(new DataError(`${error} 0.5 at 1`));
    await expect(loss(Number.NaN, 0)).rejects.toThrow(new DataError(`${error} NaN at 0`));
    const operands = { data: matrix([1], [2]), index: vector(0, 2), state: vector(1, 0, 0, 0) };
    await expect(backend.call('gatherReals', operands, { like: { x: [1, 1] } })).rejects.toThrow(
      new DataError('gatherReals: expected index to be an integer from 0 to 1, got 2 at 1'),
    );
  });

  it('refuses integers outside the range of their type', async () => {
    const gather = (bytes: number[], state: number[]) => {
      const index = vector(0);
      const operands = { data: matrix(bytes), index, state: vector(...state) };
      const options = { like: { x: [1, bytes.length] }, attributes: { mean: 0, std: 1 } };
      return backend.call('gatherBytes', operands, options);
    };
    await expect(gather([1, 256], [1, 0, 0, 0])).rejects.toThrow(
      new DataError('gatherBytes: expected data to be an integer from 0 to 255, got 256 at 1'),
    );
    await expect(gather([1.5, 2], [1, 0, 0, 0])).rejects.toThrow(DataError);
    await expect(gather([1, 2], [2 ** 31, 0, 0, 0])).rejects.toThrow(
      'expected state to be an integer from 0 to 2147483647, got 2147483648 at 0',
    );
  });

  it('refuses a state whose row or position lies outside of the tensors', async () => {
    const gather = (position: number, B: number) => {
      const data = matrix([1], [2], [3]);
      const operands = { data, index: vector(2, 0, 1), state: vector(1, 0, position, 0) };
      return backend.call('gatherReals', operands, { like: { x: [B, 1] } });
    };
    expect([...(await gather(1, 2)).x.data]).toEqual([1, 2]);
    await expect(gather(2, 2)).rejects.toThrow(
      new DataError('gatherReals: expected state to be an integer from 0 to 1, got 2 at 2'),
    );
    await expect(gather(0, 4)).rejects.toThrow(DataError);
    await expect(gather(-1, 1)).rejects.toThrow(DataError);
    const update = (row: number) => {
      const [schedule, state] = [vector(0.1, 0.5), vector(1, row, 0, 0)];
      const operands = { w: vector(1), dw: vector(2), schedule, state };
      return backend.call('sgdUpdate', operands, { attributes: { weightDecay: 0 } });
    };
    expect([...(await update(1)).w.data]).toEqual([0]);
    await expect(update(2)).rejects.toThrow(
      new DataError('sgdUpdate: expected state to be an integer from 0 to 1, got 2 at 1'),
    );
    const record = (row: number) =>
      backend.call('recordLoss', {
        losses: vector(0, 0),
        L: vector(7),
        state: vector(1, row, 0, 0),
      });
    expect([...(await record(1)).losses.data]).toEqual([0, 7]);
    await expect(record(2)).rejects.toThrow(
      new DataError('recordLoss: expected state to be an integer from 0 to 1, got 2 at 1'),
    );
  });

  it('refuses names that the op does not have', async () => {
    const x = vector(1);
    // @ts-expect-error: no such op
    await expect(backend.call('reluForwards', { x })).rejects.toThrow(
      new RangeError(
        "call: expected the name of an op, got 'reluForwards'; did you mean reluForward?",
      ),
    );
    await expect(backend.call(OPS.reluForward as never, { x } as never)).rejects.toThrow(
      "call: expected the name of an op, got the op; pass 'reluForward'",
    );
    // @ts-expect-error: x is missing
    await expect(backend.call('reluForward', {})).rejects.toThrow(
      'reluForward: expected the tensors x, got none',
    );
    // @ts-expect-error: no such tensor
    await expect(backend.call('reluForward', { x, z: x })).rejects.toThrow(
      'reluForward: expected the tensors x, got x, z',
    );
    // @ts-expect-error: attributes are missing
    await expect(backend.call('leakyReluForward', { x })).rejects.toThrow(
      'leakyReluForward: expected the attributes negativeSlope, got none',
    );
    // @ts-expect-error: like is missing
    await expect(backend.call('channelsLast', { x: matrix([1, 2]) })).rejects.toThrow(
      'channelsLast: expected like or into to give the shape of y, got none',
    );
    // @ts-expect-error: y follows from x
    await expect(backend.call('reluForward', { x }, { like: { y: [1] } })).rejects.toThrow(
      'reluForward: expected like for none, got y',
    );
  });

  it('works after a refused call', async () => {
    await expect(backend.call('reluForward', { x: { shape: [2], data: [1] } })).rejects.toThrow();
    const { y } = await backend.call('reluForward', { x: vector(-1, 1) });
    expect([...y.data]).toEqual([0, 1]);
  });
});
