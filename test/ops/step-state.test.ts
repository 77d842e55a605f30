import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPS } from '../../src/ops/registry.js';
import { createStepState, stateWords, stepStateCase } from '../../src/ops/step-state.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, forAll, runOp, vector } from './checks.js';

describe('step state', () => {
  it('refuses tensors that do not fit together', () => {
    expect(callWith('recordLoss', { losses: [9], L: [2], state: [4] })).toThrow(
      'recordLoss: expected L of shape (1), got (2)',
    );
    expect(callWith('recordLoss', { losses: [9], L: [1], state: [3] })).toThrow(
      'recordLoss: expected state of shape (4), got (3)',
    );
    expect(callWith('advance', { state: [3] }, { attributes: { batchSize: 1 } })).toThrow(
      'advance: expected state of shape (4), got (3)',
    );
  });
});

describeOnEachBackend('step state', (backend) => {
  it('agrees with the reference', async () => {
    await forAll(fc.constant(undefined), (random) =>
      expectAgreement(stepStateCase(random), backend),
    );
  });

  it('advances step and row by one and the position by the batch', async () => {
    const operands = { state: vector(7, 2, 128, 0) };
    const { state } = await runOp(backend, 'advance', operands, { attributes: { batchSize: 64 } });
    expect([...state]).toEqual([8, 3, 192, 0]);
  });

  it('records the loss of each step of a run in its own row', async () => {
    const { runtime } = backend;
    const { state, losses } = createStepState();
    const [L, factor] = [persistent('L', [1]), persistent('factor', [1])];
    runtime.write(state, stateWords(1, 0));
    runtime.write(L, [5]);
    runtime.write(factor, [2]);
    const step = new Step();
    step.call(OPS.recordLoss, { losses, L, state });
    step.call(OPS.scaleGradient, { dw: L, factor });
    step.call(OPS.advance, { state }, { attributes: { batchSize: 10 } });
    await (await runtime.compile(step)).run(3);
    expect([...(await runtime.read(losses)).slice(0, 4)]).toEqual([5, 10, 20, 0]);
    expect([...(await runtime.read(state))]).toEqual([4, 3, 30, 0]);
  });
});
