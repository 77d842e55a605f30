import { describe, expect, it } from 'vitest';
import { RandomStream, STREAMS, shuffle, threefry2x32 } from '../../src/random/threefry.js';

const DRAWS = 200_000;

/**
 * Number of standard deviations that a statistic may differ from its expectation. Seeds are fixed,
 * so a test always passes or always fails; random numbers exceed 6σ once in 500 million.
 */
const SIGMAS = 6;

function draw(count: number, next: () => number): Float64Array {
  return Float64Array.from({ length: count }, next);
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function expectNear(what: string, got: number, want: number, sigma: number): void {
  const bound = SIGMAS * sigma;
  const message = `${what}: expected ${want} ± ${bound}, got ${got}`;
  expect(Math.abs(got - want), message).toBeLessThanOrEqual(bound);
}

function range(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => i);
}

describe('threefry2x32', () => {
  // Random123's tests/kat_vectors, the lines "threefry2x32 20": counter, key, result.
  it.each([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x243f6a88, 0x85a308d3],
      [0x13198a2e, 0x03707344],
      [0xc4923a9c, 0x483df7a0],
    ],
  ])('maps counter %j with key %j to %j', (counter, key, want) => {
    const out = new Uint32Array(2);
    threefry2x32(out, key[0], key[1], counter[0], counter[1]);
    expect([...out]).toEqual(want);
  });

  it('uses the low 32 bits of keys and counters', () => {
    const out = new Uint32Array(2);
    const want = new Uint32Array(2);
    threefry2x32(want, 0xffffffff, 0xfffffffe, 2, 3);
    threefry2x32(out, Number.MAX_SAFE_INTEGER, -2, 2 + 2 ** 32, 3 - 2 ** 32);
    expect(out).toEqual(want);
  });
});

describe('RandomStream', () => {
  it.each([
    [2 ** 32, 0, 0, 'seed to be below 2 ** 32, got 4294967296'],
    [0, 2 ** 32, 0, 'stream to be below 2 ** 32, got 4294967296'],
    [0, 0, 2 ** 40, 'substream to be below 2 ** 32, got 1099511627776'],
    [-1, 0, 0, 'seed to be an integer of at least 0, got -1'],
    [0.5, 0, 0, 'seed to be an integer of at least 0, got 0.5'],
  ])(
    'refuses keys that would repeat those of others: %d, %d, %d',
    (seed, stream, substream, message) => {
      expect(() => new RandomStream(seed, stream, substream)).toThrow(
        `RandomStream: expected ${message}`,
      );
    },
  );

  it('returns both words of draws 0, 1, … in order', () => {
    const random = new RandomStream(7, 3, 9);
    const words = new Uint32Array(2);
    for (let counter = 0; counter < 5; counter++) {
      threefry2x32(words, 7, 3, counter, 9);
      expect([random.nextUint32(), random.nextUint32()]).toEqual([...words]);
    }
  });

  it('repeats with the same seed, stream and substream, and differs with any other', () => {
    const firstWords = (seed: number, stream: number, substream?: number) => {
      const random = new RandomStream(seed, stream, substream);
      return [...draw(4, () => random.nextUint32())];
    };
    expect(firstWords(1, 2, 3)).toEqual(firstWords(1, 2, 3));
    const sequences = [firstWords(1, 2, 3), firstWords(0, 2, 3), firstWords(1, 1, 3)];
    sequences.push(firstWords(1, 2, 0), firstWords(2, 1, 3), firstWords(3, 2, 1));
    const words = sequences.flat();
    expect(new Set(words).size).toBe(words.length);
  });

  it('nextFloat is uniform on [0, 1) in steps of 2⁻²⁴', () => {
    const random = new RandomStream(11, STREAMS.data);
    const values = draw(DRAWS, () => random.nextFloat());
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(values.every((value) => Number.isInteger(value * 2 ** 24))).toBe(true);
    expectNear('mean', meanOf(values), 1 / 2, Math.sqrt(1 / 12 / DRAWS));
    const squares = values.map((value) => (value - 1 / 2) ** 2);
    expectNear('variance', meanOf(squares), 1 / 12, Math.sqrt(1 / 180 / DRAWS));
  });

  it('nextFloat does not correlate with the previous draw', () => {
    const random = new RandomStream(12, STREAMS.data);
    const values = draw(DRAWS, () => random.nextFloat() - 1 / 2);
    const products = values.subarray(1).map((value, i) => value * values[i]);
    expectNear('covariance', meanOf(products), 0, 1 / 12 / Math.sqrt(DRAWS));
  });

  it('nextNormal has the moments of the standard normal', () => {
    const random = new RandomStream(13, STREAMS.data);
    const values = draw(DRAWS, () => random.nextNormal());
    expect(values.every(Number.isFinite)).toBe(true);
    const momentOf = (power: number) => meanOf(values.map((value) => value ** power));
    // Var(zᵏ) = E[z²ᵏ] − E[zᵏ]², with E[z²ᵏ] = 1, 3, 15, 105 for k = 1, 2, 3, 4.
    expectNear('mean', momentOf(1), 0, Math.sqrt(1 / DRAWS));
    expectNear('variance', momentOf(2), 1, Math.sqrt(2 / DRAWS));
    expectNear('third moment', momentOf(3), 0, Math.sqrt(15 / DRAWS));
    expectNear('fourth moment', momentOf(4), 3, Math.sqrt(96 / DRAWS));
  });

  it('nextBelow returns each value equally often', () => {
    const random = new RandomStream(14, STREAMS.data);
    const bound = 7;
    const counts = new Float64Array(bound);
    for (let i = 0; i < DRAWS; i++) counts[random.nextBelow(bound)]++;
    const sigma = Math.sqrt(DRAWS * (1 / bound) * (1 - 1 / bound));
    for (const [value, count] of counts.entries()) {
      expectNear(`count of ${value}`, count, DRAWS / bound, sigma);
    }
  });

  it('nextBelow has no bias where 2³² is far from a multiple of the bound', () => {
    // Without rejection, half of the words modulo ¾ · 2³² would be in the lower third.
    const random = new RandomStream(15, STREAMS.data);
    const bound = 3 * 2 ** 30;
    const lower = meanOf(draw(DRAWS, () => (random.nextBelow(bound) < 2 ** 30 ? 1 : 0)));
    expectNear('lower third', lower, 1 / 3, Math.sqrt(2 / 9 / DRAWS));
  });

  it('nextBelow accepts integer bounds from 1 to 2³² and rejects others', () => {
    const random = new RandomStream(16, STREAMS.data);
    expect(random.nextBelow(1)).toBe(0);
    const words = new RandomStream(16, STREAMS.data);
    words.nextUint32();
    expect(random.nextBelow(2 ** 32)).toBe(words.nextUint32());
    for (const bound of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
      expect(() => random.nextBelow(bound)).toThrow(RangeError);
    }
  });
});

describe('shuffle', () => {
  it('permutes in place', () => {
    const values = range(1000);
    expect(shuffle(values, new RandomStream(1, STREAMS.shuffle))).toBe(values);
    expect(values).not.toEqual(range(1000));
    expect(values.slice().sort()).toEqual(range(1000));
  });

  it('returns the same order for the same seed and epoch, and another for another', () => {
    const orderOf = (seed: number, epoch: number) =>
      shuffle(range(100), new RandomStream(seed, STREAMS.shuffle, epoch));
    expect(orderOf(1, 0)).toEqual(orderOf(1, 0));
    expect(orderOf(1, 0)).not.toEqual(orderOf(2, 0));
    expect(orderOf(1, 0)).not.toEqual(orderOf(1, 1));
  });

  it('returns each of the 24 orders of four values equally often', () => {
    const random = new RandomStream(2, STREAMS.shuffle);
    const rounds = 48_000;
    const counts = new Map<string, number>();
    for (let i = 0; i < rounds; i++) {
      const order = shuffle(range(4), random).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const sigma = Math.sqrt(rounds * (1 / 24) * (23 / 24));
    for (const [order, count] of counts) expectNear(order, count, rounds / 24, sigma);
  });

  it('does not change arrays with fewer than two elements', () => {
    const random = new RandomStream(3, STREAMS.shuffle);
    expect(shuffle(Int32Array.of(), random)).toEqual(Int32Array.of());
    expect(shuffle(Int32Array.of(5), random)).toEqual(Int32Array.of(5));
  });
});
