import { describe } from '../../description.js';
import { expectNegativeSlope, leakyReluOps } from '../../ops/leaky-relu.js';
import { expectOptions } from '../../options.js';
import type { Layer } from '../layer.js';

/** Options of `leakyRelu`. */
export interface LeakyReluOptions {
  /** Slope below zero, at least 0; 0.01 by default. */
  readonly negativeSlope?: number | undefined;
}

/**
 * y = x where x > 0, else negativeSlope · x, element by element. Derivation: src/ops/leaky-relu.ts.
 *
 * @throws RangeError unless the slope is finite and at least 0
 * @example leakyRelu({ negativeSlope: 0.2 })
 */
export function leakyRelu(options: LeakyReluOptions = {}): Layer {
  expectOptions('leakyRelu', options, { negativeSlope: 'number' });
  const { negativeSlope = 0.01 } = options;
  expectNegativeSlope(negativeSlope);
  const attributes = { negativeSlope };
  return {
    description: describe('leakyRelu', { ...options }),
    input: 'any',
    parameters: [],
    forward(step, x) {
      const { y } = step.call(leakyReluOps.leakyReluForward, { x }, { attributes });
      return {
        y,
        backward: (dy) => step.call(leakyReluOps.leakyReluBackward, { dy, y }, { attributes }).dx,
      };
    },
  };
}
