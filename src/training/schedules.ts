/**
 * Learning-rate schedules: the learning rate η as a function of the step t = 0, 1, …, T − 1.
 *
 *   constant    η(t) = rate
 *   stepDecay   η(t) = rate · gamma^⌊epoch(t) / every⌋
 *   cosine      η(t) = half a cosine from rate at t = 0 down to minimum at t = T
 *   oneCycle    η(t) = half a cosine up to the maximum, then half a cosine down to almost nothing
 *   warmup      a straight line up to another schedule's first rate, then that schedule
 */

import { type Builders, buildFrom, type Description, describe } from '../description.js';
import { shown } from '../errors.js';
import { expectMade, expectOptions } from '../options.js';

/** The learning rate of every step of a run. */
export interface Schedule {
  /** The call that makes it, as plain data. */
  readonly description: Description;
  /**
   * The learning rate of one step. `fit` calls this once for each step, before the chunk of steps
   * that it belongs to, so the result may depend on variables that callbacks change.
   *
   * @param step          number of the step in the run, from 0; the rate stays constant after the last
   * @param totalSteps    number of steps in the run, T ≥ 1
   * @param stepsPerEpoch number of steps in an epoch, ≥ 1
   */
  at(step: number, totalSteps: number, stepsPerEpoch: number): number;
}

/**
 * A schedule, where a number stands for a constant learning rate.
 *
 * @throws TypeError for a value that is neither
 */
export function resolveSchedule(
  operation: string,
  name: string,
  schedule: number | Schedule,
): Schedule {
  if (typeof schedule === 'number') return constant(schedule);
  const kind = 'a positive number or a schedule such as cosine({ rate: 0.1 })';
  expectMade(operation, name, schedule, 'at', kind);
  return schedule;
}

/**
 * The same learning rate throughout.
 *
 * @throws RangeError unless the rate is a positive number
 * @example sgd({ learningRate: constant(0.1) })
 */
export function constant(rate: number): Schedule {
  checkPositive('constant', 'rate', rate);
  return { description: describe('constant', { rate }), at: () => rate };
}

/**
 * Multiplies the learning rate by `gamma` every `every` epochs: PyTorch's StepLR.
 *
 * @param options.rate  the first learning rate
 * @param options.gamma the factor, below 1 to decay
 * @param options.every number of epochs between decays, an integer
 * @throws RangeError when an option is not a positive number, or `every` is not an integer
 * @example stepDecay({ rate: 0.1, gamma: 0.5, every: 2 })
 */
export function stepDecay(options: { rate: number; gamma: number; every: number }): Schedule {
  expectOptions('stepDecay', options, { rate: 'any', gamma: 'any', every: 'any' });
  const { rate, gamma, every } = options;
  checkPositive('stepDecay', 'rate', rate);
  checkPositive('stepDecay', 'gamma', gamma);
  checkCount('stepDecay', 'every', 'epochs', every);
  return {
    description: describe('stepDecay', { ...options }),
    at(step, _totalSteps, stepsPerEpoch) {
      const epoch = Math.floor(step / stepsPerEpoch);
      return rate * gamma ** Math.floor(epoch / every);
    },
  };
}

/**
 * Half a cosine from `rate` to `minimum`: PyTorch's CosineAnnealingLR with T_max = T. The rate reaches
 * the minimum one step after the last, so that no step has a learning rate of 0.
 *
 * @param options.rate    the first learning rate
 * @param options.minimum the learning rate at step T; 0 by default
 * @throws RangeError when the rate is not positive, or the minimum is not in [0, rate]
 * @example cosine({ rate: 0.1 })
 *
 * Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
 */
export function cosine(options: { rate: number; minimum?: number | undefined }): Schedule {
  expectOptions('cosine', options, { rate: 'any', minimum: 'number' });
  const { rate, minimum = 0 } = options;
  checkPositive('cosine', 'rate', rate);
  if (!(minimum >= 0 && minimum <= rate)) {
    throw new RangeError(`cosine: expected minimum from 0 to the rate ${rate}, got ${minimum}`);
  }
  return {
    description: describe('cosine', { ...options }),
    at: (step, totalSteps) => anneal(rate, minimum, Math.min(step / totalSteps, 1)),
  };
}

/**
 * One cycle: half a cosine up from maximum / startDivisor to the maximum, then half a cosine down
 * to maximum / startDivisor / endDivisor at the last step. Equal to PyTorch's OneCycleLR with
 * anneal_strategy 'cos'; the peak lies at step startFraction · T − 1, which need not be an integer.
 *
 * @param options.maximum       the highest learning rate
 * @param options.startFraction the rising fraction of the run, above 0 and below 1; 0.3 by default
 * @param options.startDivisor  the maximum over the first learning rate; 25 by default
 * @param options.endDivisor    the first learning rate over the last; 10⁴ by default
 * @throws RangeError when an option is not a positive number, or startFraction is not below 1
 * @example oneCycle({ maximum: 0.01 })
 *
 * Source: Smith, Topin, "Super-convergence: very fast training of neural networks using large
 * learning rates", 2018, https://arxiv.org/abs/1708.07120
 */
export function oneCycle(options: {
  maximum: number;
  startFraction?: number | undefined;
  startDivisor?: number | undefined;
  endDivisor?: number | undefined;
}): Schedule {
  expectOptions('oneCycle', options, {
    maximum: 'any',
    startFraction: 'number',
    startDivisor: 'any',
    endDivisor: 'any',
  });
  const { maximum, startFraction = 0.3, startDivisor = 25, endDivisor = 1e4 } = options;
  checkPositive('oneCycle', 'maximum', maximum);
  checkPositive('oneCycle', 'startDivisor', startDivisor);
  checkPositive('oneCycle', 'endDivisor', endDivisor);
  if (!(startFraction > 0 && startFraction < 1)) {
    throw new RangeError(
      `oneCycle: expected startFraction above 0 and below 1, got ${startFraction}`,
    );
  }
  const first = maximum / startDivisor;
  const final = first / endDivisor;
  return {
    description: describe('oneCycle', { ...options }),
    at(step, totalSteps) {
      const peak = startFraction * totalSteps - 1;
      const last = totalSteps - 1;
      if (step < peak) return anneal(first, maximum, step / peak);
      return anneal(maximum, final, Math.min((step - peak) / (last - peak), 1));
    },
  };
}

/**
 * Raises the learning rate linearly for `steps` steps, then follows `schedule` as if the run began
 * there. Step t < steps has (t + 1) / (steps + 1) of the first rate of the schedule. The schedule
 * counts epochs from the end of the warm-up.
 *
 * @param steps    number of steps in the warm-up
 * @param schedule the schedule after the warm-up; a number for a constant rate
 * @throws RangeError when `steps` is not a positive integer
 * @example warmup(100, cosine({ rate: 0.1 }))
 */
export function warmup(steps: number, schedule: number | Schedule): Schedule {
  checkCount('warmup', 'steps', 'steps', steps);
  const next = resolveSchedule('warmup', 'schedule', schedule);
  return {
    description: describe('warmup', { steps, schedule: next.description }),
    at(step, totalSteps, stepsPerEpoch) {
      const remaining = Math.max(totalSteps - steps, 1);
      const rate = next.at(Math.max(step - steps, 0), remaining, stepsPerEpoch);
      return step < steps ? (rate * (step + 1)) / (steps + 1) : rate;
    },
  };
}

/** Half a cosine from `start` at fraction 0 to `end` at fraction 1. */
function anneal(start: number, end: number, fraction: number): number {
  return end + ((start - end) / 2) * (1 + Math.cos(Math.PI * fraction));
}

function checkPositive(schedule: string, option: string, value: number): void {
  if (Number.isFinite(value) && value > 0) return;
  throw new RangeError(
    `${schedule}: expected ${option} to be a positive number, got ${shown(value)}`,
  );
}

function checkCount(schedule: string, option: string, unit: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return;
  throw new RangeError(
    `${schedule}: expected ${option} to be a positive number of whole ${unit}, got ${shown(value)}`,
  );
}

const SCHEDULES: Builders<Schedule> = {
  constant: ({ rate }) => constant(rate as number),
  cosine: (options) => cosine(options as Parameters<typeof cosine>[0]),
  oneCycle: (options) => oneCycle(options as Parameters<typeof oneCycle>[0]),
  stepDecay: (options) => stepDecay(options as Parameters<typeof stepDecay>[0]),
  warmup: ({ steps, schedule }) => warmup(steps as number, scheduleFrom(schedule as Description)),
};

/**
 * Builds a schedule from its description.
 *
 * @throws DataError for a schedule that is not of this library; RangeError for options that it refuses
 * @example scheduleFrom(JSON.parse(JSON.stringify(schedule.description)))
 */
export function scheduleFrom(description: Description): Schedule {
  return buildFrom('schedule', SCHEDULES, description);
}
