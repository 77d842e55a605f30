import { describe, expect, it } from 'vitest';
import { mnistLossCase } from '../../src/ops/mnist-loss.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  expectNear,
  extent,
  forAll,
  matrix,
  runOp,
  vector,
} from './checks.js';

describe('mnistLoss', () => {
  it('has the gradient that central differences find', async () => {
    await forAll(extent(20), (random, B) => expectGradients(mnistLossCase(random, B)));
  });

  it('refuses tensors that do not fit together', () => {
    const fitting = { z: [4, 1], t: [4] };
    expect(callWith('mnistLossForward', { ...fitting, z: [4, 2] })).toThrow(
      'mnistLoss: expected logits of shape (4, 1), got (4, 2)',
    );
    expect(callWith('mnistLossForward', fitting, { into: { L: [2] } })).toThrow(
      'mnistLossForward: expected L of shape (1), got (2)',
    );
    expect(callWith('mnistLossBackward', { p: [4, 1], t: [4, 1] })).toThrow(
      'mnistLoss: expected targets of shape (4), got (4, 1)',
    );
  });
});

describeOnEachBackend('mnistLoss', (backend) => {
  async function lossOf(logits: number[], labels: number[]) {
    const z = matrix(...logits.map((logit) => [logit]));
    const operands = { z, t: vector(...labels) };
    const { L, p } = await runOp(backend, 'mnistLossForward', operands);
    return { loss: L[0], probabilities: [...p] };
  }

  it('agrees with the reference', async () => {
    await forAll(extent(40), (random, B) => expectAgreement(mnistLossCase(random, B), backend));
  });

  it('is ½ at logit zero, 0 for a certain right answer and 1 for a certain wrong one', async () => {
    expect((await lossOf([0, 0], [0, 1])).loss).toBe(0.5);
    const sure = [1000, -1000];
    expect(await lossOf(sure, [1, 0])).toEqual({ loss: 0, probabilities: [1, 0] });
    expect(await lossOf(sure, [0, 1])).toEqual({ loss: 1, probabilities: [1, 0] });
  });

  it('is 1 − p, not 0, where p rounds to 1', async () => {
    expectNear([(await lossOf([40], [1])).loss], [4.248354255291589e-18]);
  });

  it('averages over the examples of a batch only', async () => {
    for (let B = 1; B <= 9; B++) {
      const { loss } = await lossOf(new Array(B).fill(1000), new Array(B).fill(0));
      expect(loss).toBe(1);
    }
  });

  it('propagates NaN', async () => {
    expect((await lossOf([0, Number.NaN], [0, 1])).loss).toBeNaN();
  });

  it('has the gradient ∓p (1 − p) / B, none where it is saturated', async () => {
    const operands = { p: matrix([0.5], [0.5], [0], [0.25]), t: vector(0, 1, 1, 1) };
    const { dz } = await runOp(backend, 'mnistLossBackward', operands);
    expectNear(dz, [0.0625, -0.0625, 0, -0.046875]);
  });
});
