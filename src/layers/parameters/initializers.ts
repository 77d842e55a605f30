import { type Description, describe } from '../../description.js';
import type { RandomStream } from '../../random/threefry.js';

/**
 * Draws the initial values of a parameter.
 *
 * @param size number of values
 * @param fanIn number of inputs that each output is computed from
 * @param random source of random numbers
 * @returns `size` values, in the layout of this library
 * @example
 * const half: Initializer = (size) => new Float32Array(size).fill(0.5);
 * linear(784, 30, { initializer: half });
 */
export interface Initializer {
  (size: number, fanIn: number, random: RandomStream): Float32Array;
  /** The call that made it; your own functions have none. */
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
 * Independent normal numbers with mean 0.
 *
 * @param options.std standard deviation; 1 by default
 * @example linear(784, 30, { initializer: normal({ std: 0.01 }) })
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

/** The description of an initializer option; `custom`, which cannot be rebuilt, for your own. */
export function describeInitializer(initializer: Initializer | undefined): Description | undefined {
  return initializer && (initializer.description ?? describe('custom'));
}
