import { describe, expect, it } from 'vitest';
import {
  constant,
  cosine,
  oneCycle,
  resolveSchedule,
  type Schedule,
  stepDecay,
  warmup,
} from '../../src/training/schedules.js';

/*
 * PyTorch 1.13's rates, made with this, where `schedule` is the expression beside each list:
 *
 *   python3 -c "
 *   import torch; from torch.optim.lr_scheduler import *
 *   optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
 *   schedule = OneCycleLR(optimizer, 0.1, total_steps=10)
 *   for step in range(10):
 *       print(optimizer.param_groups[0]['lr'])
 *       if step < 9: optimizer.step(); schedule.step()"
 */
const PYTORCH = {
  // OneCycleLR(optimizer, 0.1, total_steps=10)
  oneCycle: [
    0.0040000000000000036, 0.052000000000000005, 0.1, 0.09504846320134738, 0.0811745653949763,
    0.06112620219362893, 0.03887419780637107, 0.0188258346050237, 0.004951936798652629, 4e-7,
  ],
  // OneCycleLR(optimizer, 0.01, total_steps=7, pct_start=0.4, div_factor=10, final_div_factor=100)
  oneCyclePeakBetweenSteps: [
    0.0009999999999999992, 0.0062814167995011855, 0.009944209976994517, 0.008119331560284375,
    0.004631723182535811, 0.0013434059002100176, 1e-5,
  ],
  // OneCycleLR(optimizer, 0.1, total_steps=2)
  oneCycleWithoutRise: [0.0811745653949763, 4e-7],
  // OneCycleLR(optimizer, 0.1, total_steps=1)
  oneCycleOfOneStep: [4e-7],
  // CosineAnnealingLR(optimizer, 8, 0.01)
  cosine: [
    0.1, 0.0965745789630079, 0.08681980515339463, 0.07222075445642905, 0.055, 0.03777924554357096,
    0.023180194846605363, 0.013425421036992097,
  ],
  // StepLR(optimizer, 2, 0.5), stepped once an epoch
  stepDecay: [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125],
};

function ratesOf(schedule: Schedule, totalSteps: number, stepsPerEpoch = totalSteps): number[] {
  return Array.from({ length: totalSteps }, (_, step) =>
    schedule.at(step, totalSteps, stepsPerEpoch),
  );
}

function expectRates(got: readonly number[], want: readonly number[]): void {
  expect(got.length).toBe(want.length);
  for (const [step, rate] of want.entries()) {
    const error = Math.abs(got[step] - rate);
    expect(error, `step ${step}: expected ${rate}, got ${got[step]}`).toBeLessThan(1e-14);
  }
}

describe('schedules', () => {
  it('constant keeps its rate', () => {
    expect(ratesOf(constant(0.1), 3)).toEqual([0.1, 0.1, 0.1]);
  });

  it('a number resolves to a constant schedule, a schedule to itself', () => {
    expect(ratesOf(resolveSchedule(0.5), 2)).toEqual([0.5, 0.5]);
    const schedule = cosine({ rate: 1 });
    expect(resolveSchedule(schedule)).toBe(schedule);
  });

  it('stepDecay changes at the first step of an epoch, as StepLR does', () => {
    const schedule = stepDecay({ rate: 0.1, gamma: 0.5, every: 2 });
    const rates = ratesOf(schedule, 21, 3);
    const wanted = PYTORCH.stepDecay.flatMap((rate) => [rate, rate, rate]);
    expectRates(rates, wanted);
  });

  it('cosine equals CosineAnnealingLR', () => {
    expectRates(ratesOf(cosine({ rate: 0.1, minimum: 0.01 }), 8), PYTORCH.cosine);
  });

  it('cosine stays at its minimum after the last step', () => {
    const schedule = cosine({ rate: 0.1, minimum: 0.01 });
    expect(schedule.at(8, 8, 1)).toBeCloseTo(0.01, 15);
    expect(schedule.at(12, 8, 1)).toBeCloseTo(0.01, 15);
  });

  it('oneCycle equals OneCycleLR with its defaults', () => {
    expectRates(ratesOf(oneCycle({ maximum: 0.1 }), 10), PYTORCH.oneCycle);
  });

  it('oneCycle equals OneCycleLR where the peak falls between two steps', () => {
    const options = { maximum: 0.01, startFraction: 0.4, startDivisor: 10, endDivisor: 100 };
    expectRates(ratesOf(oneCycle(options), 7), PYTORCH.oneCyclePeakBetweenSteps);
  });

  it('oneCycle equals OneCycleLR in runs too short to rise', () => {
    expectRates(ratesOf(oneCycle({ maximum: 0.1 }), 2), PYTORCH.oneCycleWithoutRise);
    expectRates(ratesOf(oneCycle({ maximum: 0.1 }), 1), PYTORCH.oneCycleOfOneStep);
  });

  it('oneCycle begins at its maximum where PyTorch divides by zero', () => {
    expect(oneCycle({ maximum: 0.1, startFraction: 0.25 }).at(0, 4, 1)).toBeCloseTo(0.1, 15);
  });

  it('oneCycle stays at its final rate after the last step', () => {
    expect(oneCycle({ maximum: 0.1 }).at(15, 10, 1)).toBeCloseTo(4e-7, 15);
  });

  it('warmup rises in a straight line to the first rate of what follows', () => {
    expectRates(ratesOf(warmup(4, 0.5), 6), [0.1, 0.2, 0.3, 0.4, 0.5, 0.5]);
  });

  it('warmup begins the schedule after it, over the steps that remain', () => {
    const rates = ratesOf(warmup(3, cosine({ rate: 0.1, minimum: 0.01 })), 11);
    expectRates(rates.slice(3), PYTORCH.cosine);
    expectRates(rates.slice(0, 3), [0.025, 0.05, 0.075]);
  });

  it('warmup longer than the run only rises', () => {
    expectRates(ratesOf(warmup(9, cosine({ rate: 1 })), 3), [0.1, 0.2, 0.3]);
  });

  it.each([
    ['constant', 'rate', () => constant(Number.NaN)],
    ['constant', 'rate', () => resolveSchedule(0)],
    ['stepDecay', 'gamma', () => stepDecay({ rate: 1, gamma: -1, every: 1 })],
    ['stepDecay', 'every', () => stepDecay({ rate: 1, gamma: 0.5, every: 1.5 })],
    ['cosine', 'rate', () => cosine({ rate: Number.POSITIVE_INFINITY })],
    ['cosine', 'minimum', () => cosine({ rate: 0.1, minimum: 0.2 })],
    ['cosine', 'minimum', () => cosine({ rate: 0.1, minimum: Number.NaN })],
    ['oneCycle', 'maximum', () => oneCycle({ maximum: -0.1 })],
    ['oneCycle', 'startFraction', () => oneCycle({ maximum: 0.1, startFraction: 1 })],
    ['oneCycle', 'startDivisor', () => oneCycle({ maximum: 0.1, startDivisor: 0 })],
    ['oneCycle', 'endDivisor', () => oneCycle({ maximum: 0.1, endDivisor: Number.NaN })],
    ['warmup', 'steps', () => warmup(0, 0.1)],
  ])('%s refuses a wrong %s', (schedule, option, make) => {
    expect(make).toThrow(RangeError);
    expect(make).toThrow(new RegExp(`^${schedule}: expected ${option} .*, got `));
  });
});
