/**
 * Threefry-2x32-20: a counter-based generator of random bits.
 *
 *   (key0, key1), (counter0, counter1)  →  two uniform 32-bit words
 *
 * The key is (seed, stream) and the counter is the number of the draw, so draws can be computed in
 * any order and on any thread. The algorithm uses only integer additions, rotations and xors, so
 * every backend computes the same bits.
 *
 * The counter, plus the key, goes through 20 rounds of
 *
 *   x0 ← x0 + x1
 *   x1 ← rotl(x1, rotation) ^ x0    by the next of eight rotations, over and over
 *
 * After every fourth round, injection i = 1 … 5 adds word i mod 3 of the key to x0, and i and word
 * (i + 1) mod 3 to x1. The words are key0, key1 and key0 ^ key1 ^ 0x1BD11BDA.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * Kernels: assembly/threefry.ts, shaders/threefry.wgsl
 */

import { expectSeed } from '../checks.js';
import { shown } from '../errors.js';

const PARITY = 0x1bd11bda;
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const ROUNDS = 20;

/**
 * Computes one draw. Keys and counters are integers; only their low 32 bits are used.
 *
 * @param out the two words of the draw, written
 */
export function threefry2x32(
  out: Uint32Array,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): void {
  const keys = [key0 | 0, key1 | 0, key0 ^ key1 ^ PARITY];
  // Truncate to 32 bits before adding: a sum above 2⁵³ would lose its low bits.
  let x0 = ((counter0 | 0) + keys[0]) | 0;
  let x1 = ((counter1 | 0) + keys[1]) | 0;
  for (let round = 0; round < ROUNDS; round++) {
    const rotation = ROTATIONS[round % 8];
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x0 = (x0 + keys[injection % 3]) | 0;
      x1 = (x1 + keys[(injection + 1) % 3] + injection) | 0;
    }
  }
  out[0] = x0;
  out[1] = x1;
}

/**
 * A sequence of random numbers from one (seed, stream, substream). The same three numbers give the
 * same sequence on every machine.
 *
 * @example
 *   const random = new RandomStream(42, 0);
 *   random.nextFloat(); // uniform on [0, 1)
 */
export class RandomStream {
  readonly #words = new Uint32Array(2);
  #drawn = 0;

  /**
   * @param seed      integer from 0 to 2³² − 1
   * @param stream    integer from 0 to 2³² − 1 that selects one of the seed's independent sequences.
   *   `STREAMS` in src/random/threefry.ts lists those that handgrad uses.
   * @param substream another 32 bits that select a sequence, such as the epoch; 0 by default
   * @throws ShapeError for a number out of range
   */
  constructor(
    readonly seed: number,
    readonly stream: number,
    readonly substream = 0,
  ) {
    expectSeed('RandomStream', 'seed', seed);
    expectSeed('RandomStream', 'stream', stream);
    expectSeed('RandomStream', 'substream', substream);
  }

  /** The next 32 random bits, as an unsigned integer. */
  nextUint32(): number {
    const half = this.#drawn & 1;
    if (half === 0) {
      threefry2x32(this.#words, this.seed, this.stream, this.#drawn >>> 1, this.substream);
    }
    this.#drawn++;
    return this.#words[half];
  }

  /** A number uniform on [0, 1): a multiple of 2⁻²⁴, exact in float32. */
  nextFloat(): number {
    return (this.nextUint32() >>> 8) * 2 ** -24;
  }

  /**
   * An integer uniform on 0 … bound − 1, without bias: draws from the incomplete last interval are
   * rejected and repeated.
   *
   * @param bound integer from 1 to 2³²
   * @throws RangeError for any other bound
   */
  nextBelow(bound: number): number {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32)) {
      throw new RangeError(`nextBelow: expected a bound from 1 to 2 ** 32, got ${shown(bound)}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = this.nextUint32();
    while (word >= limit) word = this.nextUint32();
    return word % bound;
  }

  /** A standard normal number, by the Box-Muller transform. */
  nextNormal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.nextFloat()));
    return radius * Math.cos(2 * Math.PI * this.nextFloat());
  }
}

/**
 * The streams of one seed; no two uses share random bits. Parameter number i draws from stream
 * `parameters + i`, and dropout layer number i from `dropout + i`.
 */
export const STREAMS = {
  shuffle: 1,
  split: 2,
  synthetic: 3,
  data: 4,
  parameters: 1024,
  dropout: 2 ** 24,
} as const;

/** The integers 0, 1, …, size − 1. */
export function naturalOrder(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => i);
}

/**
 * Shuffles `values` in place (Fisher-Yates; Knuth's algorithm P).
 *
 * @returns `values`
 */
export function shuffle(values: Int32Array, random: RandomStream): Int32Array {
  for (let last = values.length - 1; last > 0; last--) {
    const other = random.nextBelow(last + 1);
    const value = values[last];
    values[last] = values[other];
    values[other] = value;
  }
  return values;
}
