import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/numerics/backend.js';
import { dropoutCase } from '../../src/ops/dropout.js';
import { RandomStream, threefry2x32 } from '../../src/random/threefry.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  extent,
  forAll,
  runOp,
  vector,
} from './checks.js';

const ATTRIBUTES = { seed: 7, stream: 11, p: 0.25 };

type DropoutAttributes = Readonly<typeof ATTRIBUTES>;

/** The mask of update number `step`: 1/(1 − p) where an element is kept, else 0. */
async function maskOf(
  backend: Backend,
  size: number,
  step: number,
  attributes: DropoutAttributes,
): Promise<number[]> {
  const operands = { x: vector(...new Array(size).fill(1)), state: vector(step, 0, 0, 0) };
  const { y } = await runOp(backend, 'dropoutForward', operands, { attributes });
  return [...y];
}

/** The same mask, element by element as in the derivation. */
function expectedMask(size: number, step: number, { seed, stream, p }: DropoutAttributes) {
  const threshold = Math.round(p * 2 ** 16);
  const words = new Uint32Array(2);
  return Array.from({ length: size }, (_, i) => {
    const [g, h, l] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4];
    threefry2x32(words, seed, stream, 4 * g + l, step);
    const word = words[h < 2 ? 0 : 1];
    const half = h % 2 === 0 ? word % 2 ** 16 : Math.floor(word / 2 ** 16);
    return half >= threshold ? Math.fround(2 ** 16 / (2 ** 16 - threshold)) : 0;
  });
}

describe('dropout', () => {
  it('has the gradient that central differences find', async () => {
    await forAll(extent(40), (random, size) =>
      expectGradients(dropoutCase(random, size, random.nextFloat())),
    );
  });

  it('refuses tensors of different shapes, and a p outside of [0, 1)', () => {
    const shapes = { x: [2, 3], state: [4] };
    expect(
      callWith('dropoutForward', shapes, { attributes: ATTRIBUTES, into: { y: [6] } }),
    ).toThrow('dropoutForward: expected y of shape (2, 3), got (6)');
    expect(
      callWith('dropoutForward', { ...shapes, state: [3] }, { attributes: ATTRIBUTES }),
    ).toThrow('dropout: expected state of shape (4), got (3)');
    expect(
      callWith(
        'dropoutBackward',
        { dy: [3], state: [4] },
        { attributes: ATTRIBUTES, into: { dx: [4] } },
      ),
    ).toThrow('dropoutBackward: expected dx of shape (3), got (4)');
    for (const p of [-0.1, 1, 1.5, Number.NaN]) {
      expect(callWith('dropoutForward', shapes, { attributes: { ...ATTRIBUTES, p } })).toThrow(
        new RangeError(`dropout: expected p from 0 to below 1, got ${p}`),
      );
    }
  });
});

describeOnEachBackend('dropout', (backend) => {
  it('agrees with the reference', async () => {
    await forAll(extent(100), (random, size) =>
      expectAgreement(dropoutCase(random, size, random.nextFloat()), backend),
    );
  });

  it('draws the masks of the derivation, bit for bit', async () => {
    const cases: [number, DropoutAttributes][] = [
      [1, ATTRIBUTES],
      [2 ** 31 - 1, { seed: 2 ** 53 - 1, stream: 2 ** 24 + 3, p: 0.5 }],
      [12_345, { seed: 2 ** 32 - 1, stream: 2 ** 31, p: 0.1 }],
    ];
    for (const [step, attributes] of cases) {
      const got = await maskOf(backend, 1003, step, attributes);
      expect(got).toEqual(expectedMask(1003, step, attributes));
    }
  });

  it('keeps the share 1 − p of all elements, and preserves the mean', async () => {
    const size = 100_000;
    for (const p of [0.1, 0.25, 0.5, 0.9]) {
      const mask = await maskOf(backend, size, 3, { ...ATTRIBUTES, p });
      const kept = mask.filter((value) => value > 0).length / size;
      // Four standard deviations of a share.
      const error = 4 * Math.sqrt((p * (1 - p)) / size);
      expect(Math.abs(kept - (1 - p)), `kept ${kept}`).toBeLessThanOrEqual(error);
      const mean = mask.reduce((sum, value) => sum + value, 0) / size;
      expect(Math.abs(mean - 1), `mean ${mean}`).toBeLessThanOrEqual(error / (1 - p) + 1e-4);
    }
  });

  it('masks the gradient with the same mask as the values', async () => {
    const random = new RandomStream(5, 0);
    const values = Array.from({ length: 77 }, () => Math.fround(random.nextNormal()));
    const state = vector(9, 0, 0, 0);
    const [x, dy] = [vector(...values), vector(...values)];
    const { y } = await runOp(backend, 'dropoutForward', { x, state }, { attributes: ATTRIBUTES });
    const { dx } = await runOp(
      backend,
      'dropoutBackward',
      { dy, state },
      { attributes: ATTRIBUTES },
    );
    expect([...dx]).toEqual([...y]);
  });

  it('draws different masks for another update, stream or seed', async () => {
    const masks = await Promise.all([
      maskOf(backend, 64, 1, ATTRIBUTES),
      maskOf(backend, 64, 2, ATTRIBUTES),
      maskOf(backend, 64, 1, { ...ATTRIBUTES, stream: 12 }),
      maskOf(backend, 64, 1, { ...ATTRIBUTES, seed: 8 }),
    ]);
    expect(new Set(masks.map(String)).size).toBe(4);
  });

  it('changes nothing where p is 0, and keeps one element in 2¹⁶ where p is almost 1', async () => {
    expect(await maskOf(backend, 50, 1, { ...ATTRIBUTES, p: 0 })).toEqual(new Array(50).fill(1));
    const rare = await maskOf(backend, 100, 1, { ...ATTRIBUTES, p: 1 - 2 ** -40 });
    expect(rare).toEqual(expectedMask(100, 1, { ...ATTRIBUTES, p: 1 - 2 ** -16 }));
  });

  it('sets dropped elements to zero, infinities too', async () => {
    const size = 64;
    const state = vector(1, 0, 0, 0);
    const x = vector(...new Array(size).fill(Infinity));
    const { y } = await runOp(backend, 'dropoutForward', { x, state }, { attributes: ATTRIBUTES });
    const mask = expectedMask(size, 1, ATTRIBUTES);
    expect([...y]).toEqual(mask.map((value) => (value > 0 ? Infinity : 0)));
  });
});
