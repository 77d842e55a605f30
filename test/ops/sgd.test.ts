import { describe, expect, it } from 'vitest';
import { sgdCase } from '../../src/ops/sgd.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, expectNear, extent, forAll, runOp, vector } from './checks.js';

describe('sgd', () => {
  it('refuses tensors of different shapes', () => {
    const stepState = { schedule: [1], state: [4] };
    expect(
      callWith(
        'sgdUpdate',
        { w: [2, 3], dw: [6], ...stepState },
        { attributes: { weightDecay: 0 } },
      ),
    ).toThrow('sgd: expected dw of shape (2, 3) like w, got (6)');
    const numbers = { momentum: 0.9, weightDecay: 0 };
    expect(
      callWith(
        'sgdMomentumUpdate',
        { w: [4], v: [3], dw: [4], ...stepState },
        { attributes: numbers },
      ),
    ).toThrow('sgd: expected v of shape (4) like w, got (3)');
    const [w, dw] = [[4], [4]];
    const attributes = { weightDecay: 0 };
    expect(callWith('sgdUpdate', { w, dw, ...stepState, state: [3] }, { attributes })).toThrow(
      'sgd: expected state of shape (4), got (3)',
    );
    expect(callWith('sgdUpdate', { w, dw, ...stepState, schedule: [] }, { attributes })).toThrow(
      'sgd: expected schedule of shape (R), got ()',
    );
  });
});

describeOnEachBackend('sgd', (backend) => {
  const stepState = { schedule: vector(0.1), state: vector(1, 0, 0, 0) };
  const numbers = { momentum: 0.9, weightDecay: 0.1 };

  it('agrees with the reference', async () => {
    await forAll(extent(70), (random, size) => expectAgreement(sgdCase(random, size), backend));
  });

  it('moves against the gradient and the weight: w − η (dw + λ w)', async () => {
    const operands = { w: vector(1, -2), dw: vector(0.5, 0.2), ...stepState };
    const { w } = await runOp(backend, 'sgdUpdate', operands, { attributes: { weightDecay: 0.1 } });
    expectNear(w, [1 - 0.1 * 0.6, -2 - 0.1 * 0]);
  });

  it('with momentum accumulates a velocity: v ← μ v + g, w ← w − η v', async () => {
    const operands = { w: vector(1), v: vector(2), dw: vector(0.5), ...stepState };
    const { w, v } = await runOp(backend, 'sgdMomentumUpdate', operands, { attributes: numbers });
    expectNear(v, [0.9 * 2 + 0.6]);
    expectNear(w, [1 - 0.1 * 2.4]);
  });

  it('with Nesterov momentum looks one step ahead: w ← w − η (g + μ v)', async () => {
    const operands = { w: vector(1), v: vector(2), dw: vector(0.5), ...stepState };
    const { w, v } = await runOp(backend, 'sgdNesterovUpdate', operands, { attributes: numbers });
    expectNear(v, [2.4]);
    expectNear(w, [1 - 0.1 * (0.6 + 0.9 * 2.4)]);
  });

  it('takes a plain first step with momentum', async () => {
    const operands = { w: vector(1, 2), dw: vector(0.5, -3), ...stepState };
    const plain = await runOp(backend, 'sgdUpdate', operands, { attributes: { weightDecay: 0.1 } });
    const started = { ...operands, v: vector(0, 0) };
    const { w } = await runOp(backend, 'sgdMomentumUpdate', started, { attributes: numbers });
    expectNear(w, [...plain.w]);
  });

  it("takes the learning rate of the state's row", async () => {
    const later = { schedule: vector(0.1, 0.2, 0.25, 0.3), state: vector(9, 2, 0, 0) };
    const operands = { w: vector(1), dw: vector(2), ...later };
    const { w } = await runOp(backend, 'sgdUpdate', operands, { attributes: { weightDecay: 0 } });
    expect([...w]).toEqual([0.5]);
  });
});
