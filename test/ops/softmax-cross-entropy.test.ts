import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPS } from '../../src/ops/registry.js';
import { softmaxCase, softmaxCrossEntropyCase } from '../../src/ops/softmax-cross-entropy.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
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

describe('softmaxCrossEntropy', () => {
  it('has the gradient that central differences find', async () => {
    const sizes = fc.record({ B: extent(7), C: extent(12) });
    await forAll(sizes, (random, drawn) => expectGradients(softmaxCrossEntropyCase(random, drawn)));
  });

  it('refuses tensors that do not fit together', () => {
    const fitting = { z: [4, 3], t: [4] };
    const op = 'softmaxCrossEntropyForward';
    expect(callWith(op, { ...fitting, z: [12] })).toThrow(
      'softmaxCrossEntropy: expected logits of shape (B, C), got (12)',
    );
    expect(callWith(op, fitting, { into: { p: [3, 4] } })).toThrow(
      'softmaxCrossEntropyForward: expected p of shape (4, 3), got (3, 4)',
    );
    expect(callWith(op, { ...fitting, t: [4, 3] })).toThrow(
      'softmaxCrossEntropy: expected targets of shape (4), got (4, 3)',
    );
    expect(callWith(op, fitting, { into: { L: [4] } })).toThrow(
      'softmaxCrossEntropyForward: expected L of shape (1), got (4)',
    );
  });
});

describeOnEachBackend('softmaxCrossEntropy', (backend) => {
  async function lossOf(rows: number[][], labels: number[]) {
    const z = matrix(...rows);
    const operands = { z, t: vector(...labels) };
    const { L, p } = await runOp(backend, 'softmaxCrossEntropyForward', operands);
    return { loss: L[0], probabilities: [...p] };
  }

  it('adds the losses of more rows than scratch memory holds, and overwrites no other tensor', async () => {
    const [B, C] = [400_000, 2];
    const { runtime } = backend;
    const [L, p] = [persistent('L', [1]), persistent('p', [B, C])];
    const [z, t] = [persistent('z', [B, C]), persistent('t', [B], 'int32')];
    const step = new Step();
    step.call(OPS.softmaxCrossEntropyForward, { z, t }, { into: { L, p } });
    const executable = await runtime.compile(step);
    runtime.write(
      z,
      Float32Array.from({ length: B * C }, (_, i) => (i % 2 ? 1 : 0)),
    );
    await executable.run(1);
    expect((await runtime.read(L))[0]).toBeCloseTo(Math.log(1 + Math.E), 5);
    expect([...(await runtime.read(t))].every((label) => label === 0)).toBe(true);
    executable.close();
    runtime.release([L, p, z, t]);
  });

  it('agrees with the reference', async () => {
    const sizes = fc.record({ B: extent(9), C: extent(40) });
    await forAll(sizes, async (random, drawn) => {
      const loss = softmaxCrossEntropyCase(random, drawn);
      await expectAgreement(loss, backend);
      await expectAgreement(softmaxCase(random, drawn), backend);
    });
  });

  it('is log C where all logits are equal, for every target', async () => {
    for (const C of [1, 2, 3, 4, 5, 8, 10]) {
      for (const target of [0, C - 1]) {
        const { loss, probabilities } = await lossOf([new Array(C).fill(3)], [target]);
        expectNear([loss], [Math.log(C)]);
        expectNear(probabilities, new Array(C).fill(1 / C));
      }
    }
  });

  it('is finite and correct for logits of ±10,000', async () => {
    const row = [1e4, -1e4, 0];
    expect(await lossOf([row], [0])).toEqual({ loss: 0, probabilities: [1, 0, 0] });
    expect(await lossOf([row], [1])).toEqual({ loss: 2e4, probabilities: [1, 0, 0] });
    expect(await lossOf([row, row, row, row], [0, 1, 2, 2])).toMatchObject({ loss: 1e4 });
    expectNear([(await lossOf([[-1e4, -1e4]], [1])).loss], [Math.LN2]);
  });

  it('reads the target of the last column, in rows of every length up to 9', async () => {
    for (let C = 1; C <= 9; C++) {
      const row = Array.from({ length: C }, (_, c) => c);
      const sum = row.reduce((total, c) => total + Math.exp(c), 0);
      const { loss } = await lossOf([row, row], [C - 1, C - 1]);
      expectNear([loss], [Math.log(sum) - (C - 1)], 2e-6);
    }
  });

  it('propagates NaN to the loss and to its own row only', async () => {
    const { loss, probabilities } = await lossOf(
      [
        [1, Number.NaN, 1],
        [0, 0, 0],
      ],
      [0, 0],
    );
    expect(loss).toBeNaN();
    expect(probabilities.map(Number.isNaN)).toEqual([true, true, true, false, false, false]);
  });

  it('has the gradient (p − onehot(t)) / B', async () => {
    const operands = { p: matrix([0.25, 0.25, 0.5], [0.5, 0.125, 0.375]), t: vector(2, 0) };
    const { dz } = await runOp(backend, 'softmaxCrossEntropyBackward', operands);
    expect([...dz]).toEqual([0.125, 0.125, -0.25, -0.25, 0.0625, 0.1875]);
  });
});
