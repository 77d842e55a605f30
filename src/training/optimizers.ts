import { expectNumber } from '../checks.js';
import {
  type Builders,
  buildFrom,
  type Description,
  describe,
  type Plain,
} from '../description.js';
import type { Parameter } from '../layers/parameters/parameter.js';
import { adamOps } from '../ops/adam.js';
import { gradientNormOps } from '../ops/gradient-norm.js';
import { sgdOps } from '../ops/sgd.js';
import type { StepState } from '../ops/step-state.js';
import { expectOptions } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import { resolveSchedule, type Schedule, scheduleFrom } from './schedules.js';

/** The rule by which gradients change parameters. */
export interface Optimizer {
  /** The call that makes it, as plain data. */
  readonly description: Description;
  /** The learning rate of each step. */
  readonly schedule: Schedule;
  /**
   * Names of the tensors that the optimizer keeps for each parameter. They have the shape of the
   * parameter and start at zero.
   */
  readonly moments: readonly string[];
  /**
   * Appends the update of one parameter.
   *
   * @param moments tensors kept for this parameter, in the order of `moments`
   * @param state the number of the step, and the learning rates
   */
  update(step: Step, parameter: Parameter, moments: readonly Tensor[], state: StepState): void;
}

/** Options of `sgd`. */
export interface SgdOptions {
  /** η: a positive number, or a schedule. */
  readonly learningRate: number | Schedule;
  /** μ, from 0 (the default) to 1. */
  readonly momentum?: number | undefined;
  /** Whether to use Nesterov momentum; false by default. */
  readonly nesterov?: boolean | undefined;
  /** λ, at least 0: λ w is added to the gradient. 0 by default. */
  readonly weightDecay?: number | undefined;
}

/**
 * Stochastic gradient descent, as PyTorch's `SGD`. Formulas: src/ops/sgd.ts.
 *
 * @throws RangeError for numbers out of range, or Nesterov without momentum
 * @example sgd({ learningRate: 0.1, momentum: 0.9 })
 */
export function sgd(options: SgdOptions): Optimizer {
  expectOptions('sgd', options, {
    learningRate: 'any',
    momentum: 'any',
    nesterov: 'boolean',
    weightDecay: 'any',
  });
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  expectNumber('sgd', 'momentum', momentum, 0, 1);
  expectNumber('sgd', 'weightDecay', weightDecay, 0);
  if (nesterov && momentum === 0) {
    throw new RangeError('sgd: expected a momentum above 0 with nesterov, got 0');
  }
  const schedule = resolveSchedule('sgd', 'learningRate', options.learningRate);
  const common = {
    description: describe('sgd', plainOptions(options)),
    schedule,
  };
  if (momentum === 0) {
    const attributes = { weightDecay };
    return {
      ...common,
      moments: [],
      update(step, { tensor: w, gradient: dw }, _moments, { state, schedule }) {
        step.call(sgdOps.sgdUpdate, { w, dw, schedule, state }, { attributes });
      },
    };
  }
  const op = nesterov ? sgdOps.sgdNesterovUpdate : sgdOps.sgdMomentumUpdate;
  const attributes = { momentum, weightDecay };
  return {
    ...common,
    moments: ['velocity'],
    update(step, { tensor: w, gradient: dw }, [v], { state, schedule }) {
      step.call(op, { w, v, dw, schedule, state }, { attributes });
    },
  };
}

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

/**
 * Appends gradient clipping by global norm, between backward and update. Formulas:
 * src/ops/gradient-norm.ts.
 *
 * @param limit the largest allowed Euclidean norm of all gradients taken together
 */
export function clipGradients(step: Step, parameters: readonly Parameter[], limit: number): void {
  const squares = step.activation('squares', [parameters.length]);
  parameters.forEach(({ gradient: dw }, slot) => {
    step.call(gradientNormOps.sumOfSquares, { squares, dw }, { attributes: { slot } });
  });
  const { factor } = step.call(gradientNormOps.clipFactor, { squares }, { attributes: { limit } });
  for (const { gradient: dw } of parameters)
    step.call(gradientNormOps.scaleGradient, { dw, factor });
}

/** Options as plain data, with the description of a schedule in its place. */
function plainOptions({ learningRate, ...options }: SgdOptions | AdamOptions) {
  const rate: Plain = typeof learningRate === 'number' ? learningRate : learningRate.description;
  return { learningRate: rate, ...options };
}

const OPTIMIZERS: Builders<Optimizer> = {
  adam: (options) => adam(withSchedule(options)),
  adamW: (options) => adamW(withSchedule(options)),
  sgd: (options) => sgd(withSchedule(options)),
};

/** The options of an optimizer, with its schedule rebuilt. */
function withSchedule({ learningRate, ...options }: Description['options']) {
  const isRate = typeof learningRate === 'number';
  return {
    ...options,
    learningRate: isRate ? learningRate : scheduleFrom(learningRate as Description),
  };
}

/**
 * Builds an optimizer from its description.
 *
 * @throws DataError for an optimizer or schedule that is not of this library; RangeError for options
 *   that it refuses
 * @example optimizerFrom(JSON.parse(JSON.stringify(optimizer.description)))
 */
export function optimizerFrom(description: Description): Optimizer {
  return buildFrom('optimizer', OPTIMIZERS, description);
}
