import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelsFirstCase, channelsLastCase } from '../../src/ops/image-layout.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, expectGradients, extent, forAll, runOp } from './checks.js';

/** (B, H, W, C) */
const images = (max: number) => fc.tuple(extent(3), extent(max), extent(max), extent(max));

/** 0, 1, 2, … */
function counted(...shape: number[]) {
  const size = shape.reduce((product, length) => product * length);
  return { data: Array.from({ length: size }, (_, i) => i), shape };
}

describe('image layout', () => {
  it('has the gradients that central differences find', async () => {
    await forAll(images(4), async (random, shape) => {
      await expectGradients(channelsFirstCase(random, shape));
      await expectGradients(channelsLastCase(random, shape));
    });
  });

  it('refuses tensors that are not images, and rows of another length', () => {
    expect(callWith('channelsFirst', { x: [5, 2, 3] })).toThrow(
      'channelsFirst: expected x of shape (B, H, W, C), got (5, 2, 3)',
    );
    expect(callWith('channelsFirst', { x: [5, 1, 2, 3] }, { into: { y: [5, 7] } })).toThrow(
      'channelsFirst: expected y of shape (5, 6), got (5, 7)',
    );
    expect(callWith('channelsLast', { x: [4, 6] }, { like: { y: [5, 1, 2, 3] } })).toThrow(
      'channelsLast: expected x of shape (5, 6) for images (5, 1, 2, 3), got (4, 6)',
    );
    expect(callWith('channelsLast', { x: [5, 6] }, { like: { y: [5, 6] } })).toThrow(
      'channelsLast: expected y of shape (B, H, W, C), got (5, 6)',
    );
  });
});

describeOnEachBackend('image layout', (backend) => {
  it('agrees with the reference', async () => {
    await forAll(images(13), async (random, shape) => {
      await expectAgreement(channelsFirstCase(random, shape), backend);
      await expectAgreement(channelsLastCase(random, shape), backend);
    });
  });

  it('writes one channel after another, each by rows', async () => {
    const { y } = await runOp(backend, 'channelsFirst', { x: counted(2, 1, 2, 3) });
    expect([...y]).toEqual([0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
  });

  it('interleaves the channels again', async () => {
    const like = { y: [2, 1, 2, 3] };
    const { y } = await runOp(backend, 'channelsLast', { x: counted(2, 6) }, { like });
    expect([...y]).toEqual([0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
  });

  it('keeps the order of images of one channel, and of one pixel', async () => {
    for (const shape of [
      [2, 3, 5, 1],
      [3, 1, 1, 7],
    ]) {
      const x = counted(...shape);
      const rows = await runOp(backend, 'channelsFirst', { x });
      expect([...rows.y]).toEqual(x.data);
      const row = { ...x, shape: [shape[0], x.data.length / shape[0]] };
      const { y } = await runOp(backend, 'channelsLast', { x: row }, { like: { y: shape } });
      expect([...y]).toEqual(x.data);
    }
  });
});
