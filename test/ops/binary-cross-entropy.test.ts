import { describe, expect, it } from 'vitest';
import { binaryCrossEntropyCase } from '../../src/ops/binary-cross-entropy.js';
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

describe('binaryCrossEntropy', () => {
  it('has the gradient that central differences find', async () => {
    await forAll(extent(20), (random, B) => expectGradients(binaryCrossEntropyCase(random, B)));
  });

  it('refuses tensors that do not fit together', () => {
    const fitting = { z: [4, 1], t: [4] };
    const op = 'binaryCrossEntropyForward';
    expect(callWith(op, { ...fitting, z: [4, 2] })).toThrow(
      'binaryCrossEntropy: expected logits of shape (4, 1), got (4, 2)',
    );
    expect(callWith(op, fitting, { into: { p: [4] } })).toThrow(
      'binaryCrossEntropyForward: expected p of shape (4, 1), got (4)',
    );
    expect(callWith(op, { ...fitting, t: [3] })).toThrow(
      'binaryCrossEntropy: expected targets of shape (4), got (3)',
    );
    expect(callWith(op, fitting, { into: { L: [4] } })).toThrow(
      'binaryCrossEntropyForward: expected L of shape (1), got (4)',
    );
  });
});

describeOnEachBackend('binaryCrossEntropy', (backend) => {
  async function lossOf(logits: number[], labels: number[]) {
    const z = matrix(...logits.map((logit) => [logit]));
    const operands = { z, t: vector(...labels) };
    const { L, p } = await runOp(backend, 'binaryCrossEntropyForward', operands);
    return { loss: L[0], probabilities: [...p] };
  }

  it('agrees with the reference', async () => {
    await forAll(extent(40), (random, B) =>
      expectAgreement(binaryCrossEntropyCase(random, B), backend),
    );
  });

  it('is log 2 at logit zero, for either label', async () => {
    for (const label of [0, 1]) {
      const { loss, probabilities } = await lossOf([0], [label]);
      expectNear([loss], [Math.LN2]);
      expect(probabilities).toEqual([0.5]);
    }
  });

  it('is 0 for a certain right answer, and |z| for a certain wrong one', async () => {
    const sure = [1e4, -1e4];
    expect(await lossOf(sure, [1, 0])).toEqual({ loss: 0, probabilities: [1, 0] });
    expect(await lossOf(sure, [0, 1])).toEqual({ loss: 1e4, probabilities: [1, 0] });
  });

  it('is e^−z, not 0, for an almost certain right answer', async () => {
    expectNear([(await lossOf([30], [1])).loss], [9.357622968839299e-14]);
    expectNear([(await lossOf([-30], [0])).loss], [9.357622968839299e-14]);
  });

  it('propagates NaN', async () => {
    const { loss, probabilities } = await lossOf([0, Number.NaN], [0, 1]);
    expect(loss).toBeNaN();
    expect(probabilities).toEqual([0.5, Number.NaN]);
  });

  it('has the gradient (p − t) / B', async () => {
    const operands = { p: matrix([0.25], [0.75], [1], [0.5]), t: vector(0, 1, 0, 1) };
    const { dz } = await runOp(backend, 'binaryCrossEntropyBackward', operands);
    expect([...dz]).toEqual([0.0625, -0.0625, 0.25, -0.125]);
  });
});
