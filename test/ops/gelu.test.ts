import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { density, distribution, geluCase } from '../../src/ops/gelu.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  expectNear,
  extent,
  forAll,
  runOp,
  vector,
} from './checks.js';
import { boundOn, float32Between, worstUlp } from './ulp.js';

/** Largest errors of forward that assembly/gelu.ts and shaders/gelu.wgsl state, in ULP. */
const RANGES = [
  { from: 2 ** -30, to: 20, bounds: { cpu: 4.2, gpu: 8.8 } },
  { from: -(2 ** -30), to: -1, bounds: { cpu: 4.2, gpu: 8.8 } },
  { from: -1, to: -12.5, bounds: { cpu: 7.3, gpu: 11.9 } },
];

/** Their largest errors of backward, as a share of 2⁻²⁴ |dy| (Φ(x) + |x| φ(x)). */
const LARGEST_BACKWARD_ERROR = { cpu: 5.1, gpu: 9.7 };

/** t and 1 − Φ(t), to 16 digits, computed with 120 digits. */
const TAILS = [
  [0, 0.5],
  [0.25, 0.4012936743170763],
  [1, 0.15865525393145705],
  [1.9375, 0.02634212668914146],
  [2, 0.02275013194817921],
  [2.0625, 0.019580078778377457],
  [5, 2.866515718791939e-7],
  [10, 7.619853024160525e-24],
  [20, 2.7536241186062337e-89],
];

/** x Φ(x), which for a negative x is −t Q(t). */
function gelu(x: number): number {
  return Math.max(x, 0) - Math.abs(x) * distribution(-Math.abs(x));
}

describe('gelu', () => {
  it('has the gradient that central differences find', async () => {
    const shapes = fc.tuple(extent(6), extent(6));
    await forAll(shapes, (random, shape) => expectGradients(geluCase(random, shape)));
  });

  it('computes the standard normal distribution to 14 digits, also in the tails', () => {
    for (const [t, tail] of TAILS) {
      expectNear([distribution(-t), distribution(t)], [tail, 1 - tail], 1e-14);
    }
  });

  it('refuses tensors of different shapes', () => {
    expect(callWith('geluForward', { x: [3, 2] }, { into: { y: [2, 3] } })).toThrow(
      'geluForward: expected y of shape (3, 2), got (2, 3)',
    );
    expect(callWith('geluBackward', { dy: [3], x: [4] })).toThrow(
      'gelu: expected dy of shape (4) like x, got (3)',
    );
  });
});

describeOnEachBackend('gelu', (backend) => {
  it('agrees with the reference', async () => {
    const shapes = fc.tuple(extent(9), extent(9));
    await forAll(shapes, (random, shape) => expectAgreement(geluCase(random, shape), backend));
  });

  it('is 0 at zero, x itself far above and 0 far below', async () => {
    const x = vector(0, 7, 1000, Infinity, -1000, -Infinity);
    const { y } = await runOp(backend, 'geluForward', { x });
    expect([...y].map((value) => value + 0)).toEqual([0, 7, 1000, Infinity, 0, 0]);
  });

  it('is accurate in the lower tail, where 1 + erf cancels completely', async () => {
    const x = vector(-1, -5, -10);
    const { y } = await runOp(backend, 'geluForward', { x });
    expectNear(y, [-0.15865525393145705, -1.4332578593959695e-6, -7.619853024160525e-23], 8e-7);
  });

  for (const { from, to, bounds } of RANGES) {
    const largest = boundOn(backend, bounds);
    it(`is within ${largest} ULP from ${from} to ${to}`, async () => {
      const values = float32Between(from, to, 100_000);
      const x = { data: values, shape: [values.length] };
      const { y } = await runOp(backend, 'geluForward', { x });
      const worst = worstUlp(y, values, gelu);
      expect(worst.error, `gelu(${worst.x})`).toBeLessThanOrEqual(largest);
    });
  }

  it('has a slope within its bound, from −12.5 to 20', async () => {
    for (const [from, to] of [
      [2 ** -30, 20],
      [-(2 ** -30), -12.5],
    ]) {
      const values = float32Between(from, to, 100_000);
      const x = { data: values, shape: [values.length] };
      const dy = { data: new Float32Array(values.length).fill(1), shape: x.shape };
      const { dx } = await runOp(backend, 'geluBackward', { dy, x });
      values.forEach((value, i) => {
        const [F, bump] = [distribution(value), value * density(value)];
        const largest = boundOn(backend, LARGEST_BACKWARD_ERROR) * 2 ** -24;
        const bound = 2 ** -126 + largest * (F + Math.abs(bump));
        if (!(Math.abs(dx[i] - (F + bump)) <= bound)) {
          expect.fail(`slope at ${value} is ${dx[i]}, expected ${F + bump} ± ${bound}`);
        }
      });
    }
  });

  it('has slope 1/2 at zero, 1 far above and 0 far below', async () => {
    const x = vector(0, 1000, Infinity, -1000, -Infinity);
    const dy = vector(8, 8, 8, 8, 8);
    const { dx } = await runOp(backend, 'geluBackward', { dy, x });
    expect([...dx].map((value) => value + 0)).toEqual([4, 8, 8, 0, 0]);
  });

  it('propagates NaN to its own element only', async () => {
    const x = vector(0, Number.NaN, 0);
    const { y } = await runOp(backend, 'geluForward', { x });
    expect([...y].map(Number.isNaN)).toEqual([false, true, false]);
    const { dx } = await runOp(backend, 'geluBackward', { dy: vector(1, 1, 1), x });
    expect([...dx].map(Number.isNaN)).toEqual([false, true, false]);
  });
});
