import { describe, expect, it } from 'vitest';
import { adamCase } from '../../src/ops/adam.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, expectNear, extent, forAll, runOp, vector } from './checks.js';

const NUMBERS = { beta1: 0.9, beta2: 0.999, epsilon: 0, weightDecay: 0 };

describe('adam', () => {
  it('refuses tensors of different shapes', () => {
    const shapes = { w: [4], m: [4], v: [4], dw: [4], schedule: [1], state: [4] };
    expect(callWith('adamUpdate', { ...shapes, m: [2, 2] }, { attributes: NUMBERS })).toThrow(
      'adam: expected m of shape (4) like w, got (2, 2)',
    );
    expect(callWith('adamWUpdate', { ...shapes, dw: [5] }, { attributes: NUMBERS })).toThrow(
      'adam: expected dw of shape (4) like w, got (5)',
    );
  });
});

describeOnEachBackend('adam', (backend) => {
  const schedule = vector(0.1);
  const firstStep = { schedule, state: vector(1, 0, 0, 0) };
  const fresh = { m: vector(0, 0, 0), v: vector(0, 0, 0), ...firstStep };

  it('agrees with the reference', async () => {
    await forAll(extent(70), (random, size) => expectAgreement(adamCase(random, size), backend));
  });

  it('moves by the learning rate in the first step, for a gradient of any size', async () => {
    const operands = { ...fresh, w: vector(1, 1, 1), dw: vector(-3, 1e-3, 100) };
    const { w } = await runOp(backend, 'adamUpdate', operands, { attributes: NUMBERS });
    expectNear(w, [1.1, 0.9, 0.9]);
  });

  it('keeps moving by the learning rate while the gradient is constant', async () => {
    // After t − 1 = 4 steps of gradient 2: m = (1 − β₁⁴)·2 and v = (1 − β₂⁴)·4.
    const moments = { m: vector((1 - 0.9 ** 4) * 2), v: vector((1 - 0.999 ** 4) * 4) };
    const state = vector(5, 0, 0, 0);
    const operands = { ...moments, w: vector(1), dw: vector(2), schedule, state };
    const { w, m, v } = await runOp(backend, 'adamUpdate', operands, { attributes: NUMBERS });
    expectNear(m, [(1 - 0.9 ** 5) * 2]);
    expectNear(v, [(1 - 0.999 ** 5) * 4]);
    expectNear(w, [0.9]);
  });

  it('adds ε to the corrected root', async () => {
    const operands = { ...fresh, w: vector(1, 1, 1), dw: vector(1, -3, 0) };
    const { w } = await runOp(backend, 'adamUpdate', operands, {
      attributes: { ...NUMBERS, epsilon: 1 },
    });
    expectNear(w, [1 - 0.1 / 2, 1 + (0.1 * 3) / 4, 1]);
  });

  it('adds weight decay to the gradient in Adam, and shrinks the weight directly in AdamW', async () => {
    const operands = { ...fresh, w: vector(2, 2, 2), dw: vector(1, 1, -0.5) };
    const numbers = { ...NUMBERS, weightDecay: 0.5 };
    const joined = await runOp(backend, 'adamUpdate', operands, { attributes: numbers });
    expectNear(joined.m, [0.2, 0.2, 0.05]);
    expectNear(joined.w, [1.9, 1.9, 1.9]);
    const apart = await runOp(backend, 'adamWUpdate', operands, { attributes: numbers });
    expectNear(apart.m, [0.1, 0.1, -0.05]);
    expectNear(apart.w, [2 * 0.95 - 0.1, 2 * 0.95 - 0.1, 2 * 0.95 + 0.1]);
  });
});
