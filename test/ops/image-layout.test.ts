import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flattenCase } from '../../src/ops/image-layout.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, expectGradients, extent, forAll, runOp } from './checks.js';

const sizes = (max: number) =>
  fc.record({ B: extent(3), H: extent(max), W: extent(max), C: extent(max) });

/** 0, 1, 2, … */
function counted(...shape: number[]) {
  const size = shape.reduce((product, length) => product * length);
  return { values: Array.from({ length: size }, (_, i) => i), shape };
}

describe('flatten', () => {
  it('has the gradient that central differences find', async () => {
    await forAll(sizes(4), (random, drawn) => expectGradients(flattenCase(random, drawn)));
  });

  it('refuses what is no image, and rows of another length', () => {
    expect(callWith('flattenForward', { x: [5, 2, 3] })).toThrow(
      'flatten: expected x of shape (B, H, W, C), got (5, 2, 3)',
    );
    expect(callWith('flattenForward', { x: [5, 1, 2, 3] }, { into: { y: [5, 7] } })).toThrow(
      'flatten: expected y of shape (5, 6), got (5, 7)',
    );
    expect(callWith('flattenBackward', { dx: [5, 1, 2, 3], dy: [4, 6] })).toThrow(
      'flatten: expected dy of shape (5, 6), got (4, 6)',
    );
  });
});

describeOnEachBackend('flatten', (backend) => {
  it('agrees with the reference', async () => {
    await forAll(sizes(13), (random, drawn) =>
      expectAgreement(flattenCase(random, drawn), backend),
    );
  });

  it('gathers each channel, in the order of its places', async () => {
    const { y } = await runOp(backend, 'flattenForward', { x: counted(2, 1, 2, 3) });
    expect([...y]).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
  });

  it('interleaves the channels again', async () => {
    const shapes = { dx: [2, 1, 2, 3] };
    const { dx } = await runOp(backend, 'flattenBackward', { dy: counted(2, 6) }, { like: shapes });
    expect([...dx]).toEqual([0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
  });

  it('leaves images of one channel, and of one place, in their order', async () => {
    for (const shape of [
      [2, 3, 5, 1],
      [3, 1, 1, 7],
    ]) {
      const x = counted(...shape);
      const row = [shape[0], x.data.length / shape[0]];
      const { y } = await runOp(backend, 'flattenForward', { x });
      expect([...y]).toEqual(x.data);
      const dy = { ...x, shape: row };
      const { dx } = await runOp(backend, 'flattenBackward', { dy }, { like: { dx: shape } });
      expect([...dx]).toEqual(x.data);
    }
  });
});
