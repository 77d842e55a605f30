import { expectNumber } from '../checks.js';
import { type Description, describe, type Plain } from '../description.js';
import { DataError } from '../errors.js';
import type { Parameter } from '../layers/parameter.js';
import type { StepState } from '../ops/step-state.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import { resolveSchedule, type Schedule, scheduleFrom } from './schedules.js';

/** How gradients change parameters. */
export interface Optimizer {
  /** The call that makes it, as plain data. */
  readonly description: Description;
  /** The learning rate of each step. */
  readonly schedule: Schedule;
  /**
   * Names of the tensors that are kept for each parameter from step to step. They have the shape of
   * the parameter, and start at zero.
   */
  readonly moments: readonly string[];
  /** Appends the update of one parameter; `moments` are its tensors, in the order of the names. */
  update(step: Step, parameter: Parameter, moments: readonly Tensor[], state: StepState): void;
}

export interface SgdOptions {
  /** η: a positive number, or a schedule. */
  readonly learningRate: number | Schedule;
  /** μ, from 0 (the default) to 1. */
  readonly momentum?: number;
  /** Whether momentum is Nesterov's; false by default. */
  readonly nesterov?: boolean;
  /** λ, added to the gradient as λ w; 0 by default. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent, as PyTorch's `SGD`. Formulas: src/ops/sgd.ts.
 *
 * @throws RangeError for numbers out of range, or Nesterov without momentum
 * @example sgd({ learningRate: 0.1, momentum: 0.9 })
 */
export function sgd(options: SgdOptions): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  expectNumber('sgd', 'momentum', momentum, 0, 1);
  expectNumber('sgd', 'weightDecay', weightDecay, 0);
  if (nesterov && momentum === 0) {
    throw new RangeError('sgd: expected a momentum above 0 with nesterov, got 0');
  }
  const common = {
    description: describe('sgd', plainOptions(options)),
    schedule: resolveSchedule(options.learningRate),
  };
  if (momentum === 0) {
    const attributes = { weightDecay };
    return {
      ...common,
      moments: [],
      update(step, { tensor: w, gradient: dw }, _moments, { state, schedule }) {
        step.call('sgdUpdate', { w, dw, schedule, state }, { attributes });
      },
    };
  }
  const op = nesterov ? 'sgdNesterovUpdate' : 'sgdMomentumUpdate';
  const attributes = { momentum, weightDecay };
  return {
    ...common,
    moments: ['velocity'],
    update(step, { tensor: w, gradient: dw }, [v], { state, schedule }) {
      step.call(op, { w, v, dw, schedule, state }, { attributes });
    },
  };
}

export interface AdamOptions {
  /** η: a positive number, or a schedule. */
  readonly learningRate: number | Schedule;
  /** β₁ and β₂; 0.9 and 0.999 by default. */
  readonly betas?: readonly [beta1: number, beta2: number];
  /** ε; 10⁻⁸ by default. */
  readonly epsilon?: number;
  /** λ; 0 for `adam` and 0.01 for `adamW` by default. */
  readonly weightDecay?: number;
}

/**
 * Adam, as PyTorch's `Adam`. Formulas: src/ops/adam.ts.
 *
 * @throws RangeError for numbers out of range
 * @example adam({ learningRate: 0.001 })
 */
export function adam(options: AdamOptions): Optimizer {
  return adaptive('adam', 'adamUpdate', options, 0);
}

/**
 * Adam with decoupled weight decay, as PyTorch's `AdamW`. Formulas: src/ops/adam.ts.
 *
 * @throws RangeError for numbers out of range
 */
export function adamW(options: AdamOptions): Optimizer {
  return adaptive('adamW', 'adamWUpdate', options, 0.01);
}

function adaptive(
  name: 'adam' | 'adamW',
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
  const attributes = { beta1, beta2, epsilon, weightDecay };
  return {
    description: describe(name, plainOptions(options)),
    schedule: resolveSchedule(options.learningRate),
    moments: ['mean', 'square'],
    update(step, { tensor: w, gradient: dw }, [m, v], { state, schedule }) {
      step.call(op, { w, m, v, dw, schedule, state }, { attributes });
    },
  };
}

/**
 * Appends gradient clipping by global norm, between backward and update. Formulas:
 * src/ops/gradient-norm.ts.
 *
 * @param limit the largest norm of all gradients taken together, ‖g‖₂
 */
export function clipGradients(step: Step, parameters: readonly Parameter[], limit: number): void {
  const squares = step.activation('squares', [parameters.length]);
  parameters.forEach(({ gradient: dw }, slot) => {
    step.call('sumOfSquares', { squares, dw }, { attributes: { slot } });
  });
  const { factor } = step.call('clipFactor', { squares }, { attributes: { limit } });
  for (const { gradient: dw } of parameters) step.call('scaleGradient', { dw, factor });
}

/** Options as plain data: a schedule becomes its description. */
function plainOptions({ learningRate, ...options }: SgdOptions | AdamOptions) {
  const rate: Plain = typeof learningRate === 'number' ? learningRate : learningRate.description;
  return { learningRate: rate, ...options };
}

const OPTIMIZERS: Readonly<
  Record<string, (options: { readonly learningRate: number | Schedule }) => Optimizer>
> = { adam, adamW, sgd };

/**
 * Builds an optimizer from its description.
 *
 * @throws DataError for an optimizer or schedule that is not of this library
 */
export function optimizerFrom({ name, options }: Description): Optimizer {
  if (Object.hasOwn(OPTIMIZERS, name)) {
    const { learningRate, ...others } = options;
    const rate =
      typeof learningRate === 'number' ? learningRate : scheduleFrom(learningRate as Description);
    return OPTIMIZERS[name]({ learningRate: rate, ...others });
  }
  throw new DataError(
    `description: expected an optimizer of ${Object.keys(OPTIMIZERS).join(', ')}, got ${name}`,
  );
}
