import { expectNumber } from '../../checks.js';
import { describe } from '../../description.js';
import { adamOps } from '../../ops/adam.js';
import { expectOptions } from '../../options.js';
import { resolveSchedule, type Schedule } from '../schedules.js';
import { type Optimizer, plainOptions } from './optimizer.js';

/** Options of `adam` and `adamW`. */
export interface AdamOptions {
  /** η: a positive number, or a schedule. */
  readonly learningRate: number | Schedule;
  /** β₁ and β₂, at least 0 and below 1; 0.9 and 0.999 by default. */
  readonly betas?: readonly [beta1: number, beta2: number] | undefined;
  /** ε, added to √v̂: at least 0; 10⁻⁸ by default. */
  readonly epsilon?: number | undefined;
  /** λ, at least 0; by default 0 for `adam` and 0.01 for `adamW`. */
  readonly weightDecay?: number | undefined;
}

/**
 * Adam, as PyTorch's `Adam`. Formulas: src/ops/adam.ts.
 *
 * @throws RangeError for numbers out of range
 * @example adam({ learningRate: 0.001 })
 */
export function adam(options: AdamOptions): Optimizer {
  return adaptive('adam', adamOps.adamUpdate, options, 0);
}

/**
 * Adam with decoupled weight decay, as PyTorch's `AdamW`. Formulas: src/ops/adam.ts.
 *
 * @throws RangeError for numbers out of range
 * @example adamW({ learningRate: oneCycle({ maximum: 0.001 }), weightDecay: 0.05 })
 */
export function adamW(options: AdamOptions): Optimizer {
  return adaptive('adamW', adamOps.adamWUpdate, options, 0.01);
}

function adaptive(
  name: 'adam' | 'adamW',
  op: typeof adamOps.adamUpdate,
  options: AdamOptions,
  defaultDecay: number,
): Optimizer {
  expectOptions(name, options, {
    learningRate: 'any',
    betas: 'array',
    epsilon: 'any',
    weightDecay: 'any',
  });
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = defaultDecay } = options;
  const [beta1, beta2] = betas;
  // At exactly 1 the bias correction 1 − βᵗ would be zero.
  const belowOne = 1 - Number.EPSILON;
  expectNumber(name, 'betas[0]', beta1, 0, belowOne);
  expectNumber(name, 'betas[1]', beta2, 0, belowOne);
  expectNumber(name, 'epsilon', epsilon, 0);
  expectNumber(name, 'weightDecay', weightDecay, 0);
  const schedule = resolveSchedule(name, 'learningRate', options.learningRate);
  const attributes = { beta1, beta2, epsilon, weightDecay };
  return {
    description: describe(name, plainOptions(options)),
    schedule,
    moments: ['mean', 'square'],
    update(step, { tensor: w, gradient: dw }, [m, v], { state, schedule }) {
      step.call(op, { w, m, v, dw, schedule, state }, { attributes });
    },
  };
}
