import { expectNumber } from '../../checks.js';
import { describe } from '../../description.js';
import { sgdOps } from '../../ops/sgd.js';
import { expectOptions } from '../../options.js';
import { resolveSchedule, type Schedule } from '../schedules.js';
import { type Optimizer, plainOptions } from './optimizer.js';

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
