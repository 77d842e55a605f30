import { describe } from '../description.js';
import { geluOps } from '../ops/gelu.js';
import { expectNegativeSlope, leakyReluOps } from '../ops/leaky-relu.js';
import { reluOps } from '../ops/relu.js';
import { sigmoidOps } from '../ops/sigmoid.js';
import { tanhOps } from '../ops/tanh.js';
import { expectNoMore, expectOptions } from '../options.js';
import type { Layer } from './layer.js';

/** y = max(x, 0), element by element. Derivation: src/ops/relu.ts. */
export function relu(...more: readonly []): Layer {
  expectNoMore('relu', '', more);
  return savingOutput('relu', reluOps.reluForward, reluOps.reluBackward);
}

/** y = 1 / (1 + e⁻ˣ), element by element. Derivation: src/ops/sigmoid.ts. */
export function sigmoid(...more: readonly []): Layer {
  expectNoMore('sigmoid', '', more);
  return savingOutput('sigmoid', sigmoidOps.sigmoidForward, sigmoidOps.sigmoidBackward);
}

/** y = tanh x, element by element. Derivation: src/ops/tanh.ts. */
export function tanh(...more: readonly []): Layer {
  expectNoMore('tanh', '', more);
  return savingOutput('tanh', tanhOps.tanhForward, tanhOps.tanhBackward);
}

/** An element-wise function whose backward reads its output y. */
function savingOutput(
  name: string,
  forward: typeof reluOps.reluForward,
  backward: typeof reluOps.reluBackward,
): Layer {
  return {
    description: describe(name),
    input: 'any',
    parameters: [],
    forward(step, x) {
      const { y } = step.call(forward, { x });
      return { y, backward: (dy) => step.call(backward, { dy, y }).dx };
    },
  };
}

/**
 * y = x Φ(x), element by element, where Φ is the distribution function of the standard normal.
 * Derivation: src/ops/gelu.ts.
 */
export function gelu(...more: readonly []): Layer {
  expectNoMore('gelu', '', more);
  return {
    description: describe('gelu'),
    input: 'any',
    parameters: [],
    forward(step, x) {
      const { y } = step.call(geluOps.geluForward, { x });
      return { y, backward: (dy) => step.call(geluOps.geluBackward, { dy, x }).dx };
    },
  };
}

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
