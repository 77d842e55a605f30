/**
 * Threefry-2x32-20: a counter-based generator of random bits.
 *
 *   (key0, key1), (counter0, counter1)  →  two uniform 32-bit words
 *
 * The key is (seed, stream) and the counter says which draw is wanted, so any draw can be had at
 * any time, in any order, on any thread. Adds, rotations and xors only, so every backend computes
 * the same bits.
 *
 * Twenty rounds of (x0 += x1; x1 = rotl(x1, R) ^ x0), with a key injection after every fourth;
 * the third key word is key0 ^ key1 ^ 0x1BD11BDA.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 */

const PARITY = 0x1bd11bda;
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const ROUNDS = 20;

/**
 * Writes the two words of one draw to `out`. Keys and counters are integers whose low 32 bits count.
 *
 * @param out two elements, written
 */
export function threefry2x32(
  out: Uint32Array,
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): void {
  const keys = [key0 | 0, key1 | 0, key0 ^ key1 ^ PARITY];
  // Cut to 32 bits before adding: a sum beyond 2⁵³ would lose its low bits.
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

/** A sequence of draws from one (seed, stream): the convenient form of `threefry2x32`. */
export class RandomStream {
  readonly #words = new Uint32Array(2);
  #drawn = 0;

  /**
   * @param seed   integer; the low 32 bits count
   * @param stream which of the seed's independent sequences: see `STREAMS`
   * @param substream a further 32 bits to tell sequences apart, such as the epoch
   */
  constructor(
    readonly seed: number,
    readonly stream: number,
    readonly substream = 0,
  ) {}

  /** The next 32 random bits, as an unsigned integer. */
  nextUint32(): number {
    const half = this.#drawn & 1;
    if (half === 0) {
      threefry2x32(this.#words, this.seed, this.stream, this.#drawn >>> 1, this.substream);
    }
    this.#drawn++;
    return this.#words[half];
  }

  /** Uniform on [0, 1), a multiple of 2⁻²⁴, exact in float32. */
  nextFloat(): number {
    return (this.nextUint32() >>> 8) * 2 ** -24;
  }

  /**
   * Uniform on 0 … bound − 1, without bias: draws from the incomplete last interval are redrawn.
   *
   * @param bound integer from 1 to 2³²
   * @throws RangeError for any other bound, which could never be met
   */
  nextBelow(bound: number): number {
    if (!(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32)) {
      throw new RangeError(`nextBelow: expected a bound from 1 to 2 ** 32, got ${bound}`);
    }
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let word = this.nextUint32();
    while (word >= limit) word = this.nextUint32();
    return word % bound;
  }

  /** Standard normal, by Box and Muller's transform. */
  nextNormal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.nextFloat()));
    return radius * Math.cos(2 * Math.PI * this.nextFloat());
  }
}

/**
 * Streams of one seed, so that no two uses share random bits. Parameter p uses `parameters + p`, and
 * the model's dropout number d `dropout + d`.
 */
export const STREAMS = {
  shuffle: 1,
  split: 2,
  synthetic: 3,
  data: 4,
  parameters: 1024,
  dropout: 2 ** 24,
} as const;

/** A random permutation of `values`, in place (Fisher and Yates; Knuth's algorithm P). */
export function shuffle(values: Int32Array, random: RandomStream): Int32Array {
  for (let last = values.length - 1; last > 0; last--) {
    const other = random.nextBelow(last + 1);
    const value = values[last];
    values[last] = values[other];
    values[other] = value;
  }
  return values;
}
