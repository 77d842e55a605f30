import { expectNumber } from '../../checks.js';
import { type Description, describe } from '../../description.js';
import { expectNoMore, expectOptions } from '../../options.js';
import type { RandomStream } from '../../random/threefry.js';
import { newArray } from '../../typed-arrays.js';

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
export function kaimingUniform(...more: readonly []): Initializer {
  expectNoMore('kaimingUniform', '', more);
  return described(describe('kaimingUniform'), (size, fanIn, random) => {
    const bound = 1 / Math.sqrt(fanIn);
    return drawn('kaimingUniform', size, () => (2 * random.nextFloat() - 1) * bound);
  });
}

/**
 * Independent normal numbers with mean 0.
 *
 * @param options.std standard deviation, at least 0; 1 by default
 * @throws RangeError for a number out of range
 * @example linear(784, 30, { initializer: normal({ std: 0.01 }) })
 */
export function normal(options: { readonly std?: number | undefined } = {}): Initializer {
  expectOptions('normal', options, { std: 'number' });
  const { std = 1 } = options;
  expectNumber('normal', 'std', std, 0);
  return described(describe('normal', { ...options }), (size, _fanIn, random) =>
    drawn('normal', size, () => random.nextNormal() * std),
  );
}

/** All values 0. */
export function zeros(...more: readonly []): Initializer {
  expectNoMore('zeros', '', more);
  return described(describe('zeros'), (size) => drawn('zeros', size, () => 0));
}

/** All values 1. */
export function ones(...more: readonly []): Initializer {
  expectNoMore('ones', '', more);
  return described(describe('ones'), (size) => drawn('ones', size, () => 1));
}

function drawn(operation: string, size: number, draw: () => number): Float32Array {
  const values = newArray(operation, `a parameter of ${size} numbers`, Float32Array, size);
  for (let i = 0; i < size; i++) values[i] = draw();
  return values;
}

function described(description: Description, draw: Initializer): Initializer {
  return Object.assign(draw, { description });
}

const MAKERS: readonly unknown[] = [kaimingUniform, normal, zeros, ones];

/**
 * The description of an initializer option; `custom`, which cannot be rebuilt, for your own.
 *
 * @throws TypeError for a function of this library that makes initializers, but was not called
 */
export function describeInitializer(
  operation: string,
  initializer: Initializer | undefined,
): Description | undefined {
  if (MAKERS.includes(initializer)) {
    throw new TypeError(
      `${operation}: expected initializer to be an initializer such as zeros(), got a function; call it`,
    );
  }
  return initializer && (initializer.description ?? describe('custom'));
}
