import { expectNumber } from '../checks.js';
import type { Parameter } from '../layers/parameter.js';
import type { StepState } from '../ops/step-state.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import { resolveSchedule, type Schedule } from './schedules.js';

/** How gradients change parameters. */
export interface Optimizer {
  readonly name: string;
  readonly schedule: Schedule;
  /** What is kept for a parameter from step to step, of the parameter's shape; starts at zero. */
  readonly moments: readonly string[];
  /** Appends the update of one parameter. `moments` holds a tensor for each of the names. */
  update(step: Step, parameter: Parameter, moments: readonly Tensor[], state: StepState): void;
}

export interface SgdOptions {
  readonly learningRate: number | Schedule;
  /** μ, from 0 (the default) to 1. */
  readonly momentum?: number;
  readonly nesterov?: boolean;
  /** λ, added to the gradient as λ w; 0 by default. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent, as PyTorch's `SGD`. Formulas: src/ops/sgd.ts.
 *
 * @throws RangeError for numbers out of range, or Nesterov without momentum
 */
export function sgd(options: SgdOptions): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  expectNumber('sgd', 'momentum', momentum, 0, 1);
  expectNumber('sgd', 'weightDecay', weightDecay, 0);
  if (nesterov && momentum === 0) {
    throw new RangeError('sgd: expected a momentum above 0 with nesterov, got 0');
  }
  const schedule = resolveSchedule(options.learningRate);
  if (momentum === 0) {
    return {
      name: 'sgd',
      schedule,
      moments: [],
      update(step, { tensor: w, gradient: dw }, _moments, { state, schedule: rates }) {
        step.call('sgdUpdate', { w, dw, schedule: rates, state }, { weightDecay });
      },
    };
  }
  const op = nesterov ? 'sgdNesterovUpdate' : 'sgdMomentumUpdate';
  return {
    name: nesterov ? 'sgd with Nesterov momentum' : 'sgd with momentum',
    schedule,
    moments: ['velocity'],
    update(step, { tensor: w, gradient: dw }, [v], { state, schedule: rates }) {
      step.call(op, { w, v, dw, schedule: rates, state }, { momentum, weightDecay });
    },
  };
}

export interface AdamOptions {
  readonly learningRate: number | Schedule;
  /** β₁ and β₂; 0.9 and 0.999 by default. */
  readonly betas?: readonly [beta1: number, beta2: number];
  /** ε; 10⁻⁸ by default. */
  readonly epsilon?: number;
  /** λ; 0 for `adam` and 0.01 for `adamW` by default. */
  readonly weightDecay?: number;
}

/** Adam, as PyTorch's `Adam`. Formulas: src/ops/adam.ts. */
export function adam(options: AdamOptions): Optimizer {
  return adaptive('adam', 'adamUpdate', options, 0);
}

/** Adam with decoupled weight decay, as PyTorch's `AdamW`. Formulas: src/ops/adam.ts. */
export function adamW(options: AdamOptions): Optimizer {
  return adaptive('adamW', 'adamWUpdate', options, 0.01);
}

function adaptive(
  name: string,
  op: 'adamUpdate' | 'adamWUpdate',
  options: AdamOptions,
  defaultDecay: number,
): Optimizer {
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay = defaultDecay } = options;
  const [beta1, beta2] = betas;
  // At exactly 1 the bias correction 1 − βᵗ would be zero.
  const belowOne = 1 - Number.EPSILON;
  expectNumber(name, 'betas[0]', beta1, 0, belowOne);
  expectNumber(name, 'betas[1]', beta2, 0, belowOne);
  expectNumber(name, 'epsilon', epsilon, 0);
  expectNumber(name, 'weightDecay', weightDecay, 0);
  return {
    name,
    schedule: resolveSchedule(options.learningRate),
    moments: ['mean', 'square'],
    update(step, { tensor: w, gradient: dw }, [m, v], { state, schedule }) {
      const attributes = { beta1, beta2, epsilon, weightDecay };
      step.call(op, { w, m, v, dw, schedule, state }, attributes);
    },
  };
}

/**
 * Appends gradient clipping by global norm, between backward and update. Formulas:
 * src/ops/gradient-norm.ts.
 *
 * @param limit largest norm of all gradients together
 */
export function clipGradients(step: Step, parameters: readonly Parameter[], limit: number): void {
  const squares = step.activation('squares', [parameters.length]);
  const factor = step.activation('factor', [1]);
  parameters.forEach(({ gradient: dw }, slot) => {
    step.call('sumOfSquares', { squares, dw }, { slot });
  });
  step.call('clipFactor', { factor, squares }, { limit });
  for (const { gradient: dw } of parameters) step.call('scaleGradient', { dw, factor });
}
