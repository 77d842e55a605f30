import { type Description, describe } from '../description.js';
import type { RandomStream } from '../random/threefry.js';

/**
 * Draws the initial values of a parameter.
 *
 * @param size how many values
 * @param fanIn how many inputs each output is computed from
 * @param random where random numbers come from
 * @returns `size` values, in this library's layout
 */
export interface Initializer {
  (size: number, fanIn: number, random: RandomStream): Float32Array;
  /** Set by the initializers of this library: what they were made by. */
  readonly description?: Description;
}

/**
 * PyTorch's default for linear and convolutional layers: uniform on [−1/√fanIn, 1/√fanIn], for
 * weights and biases alike. It is Kaiming's uniform initialisation with a = √5.
 *
 * Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015; PyTorch's `nn.Linear`.
 */
export function kaimingUniform(): Initializer {
  return described(describe('kaimingUniform'), (size, fanIn, random) => {
    const bound = 1 / Math.sqrt(fanIn);
    return Float32Array.from({ length: size }, () => (2 * random.nextFloat() - 1) * bound);
  });
}

/**
 * Independent normal numbers of mean 0.
 *
 * @param options.std their standard deviation; 1 by default
 */
export function normal(options: { readonly std?: number } = {}): Initializer {
  const { std = 1 } = options;
  return described(describe('normal', { ...options }), (size, _fanIn, random) =>
    Float32Array.from({ length: size }, () => random.nextNormal() * std),
  );
}

/** All values 0. */
export function zeros(): Initializer {
  return described(describe('zeros'), (size) => new Float32Array(size));
}

/** All values 1. */
export function ones(): Initializer {
  return described(describe('ones'), (size) => new Float32Array(size).fill(1));
}

function described(description: Description, draw: Initializer): Initializer {
  return Object.assign(draw, { description });
}

/** The description of an initializer option; that of a caller's own function is only a name. */
export function describeInitializer(initializer: Initializer | undefined): Description | undefined {
  return initializer && (initializer.description ?? describe('custom'));
}
