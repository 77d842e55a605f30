import { afterAll, describe, expect, it } from 'vitest';
import { formatDifference, GRADCHECK_OPS, gradcheck } from '../../src/gradcheck/index.js';
import { createBackend } from '../../src/numerics/create-backend.js';

const backends = [await createBackend('reference'), await createBackend('wasm')];

afterAll(async () => {
  for (const backend of backends) await backend.close();
});

const WITHOUT_GRADIENT = [
  'running-statistics',
  'sgd',
  'adam',
  'gradient-norm',
  'gather',
  'accuracy',
  'step-state',
];

describe('gradcheck', () => {
  it('accepts every op on every backend', async () => {
    const results = await gradcheck({ backends });
    expect(results.map(({ op }) => op)).toEqual(GRADCHECK_OPS);
    for (const { op, gradients, backends: findings, ok } of results) {
      const worst = [gradients, ...findings].map((each) => each && formatDifference(each.worst));
      expect(ok, `${op}: ${worst.join('; ')}`).toBe(true);
      expect(gradients === undefined, op).toBe(WITHOUT_GRADIENT.includes(op));
      expect(findings.map(({ backend }) => backend)).toEqual(backends.map(({ info }) => info));
    }
  });

  it('checks gradients alone where no backend is given', async () => {
    const [result] = await gradcheck({ ops: ['relu'] });
    expect(result).toMatchObject({ op: 'relu', backends: [], ok: true });
    expect(result.gradients?.ratio).toBeLessThanOrEqual(1);
  });

  it('repeats with the same seed and not with another', async () => {
    const run = (seed: number) => gradcheck({ ops: ['tanh'], seed, backends });
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  it.each([
    ['softmax-cross-entropy', 'softmax-cross-entropy'],
    ['softmaxCrossEntropy', 'softmax-cross-entropy'],
    ['softmaxCrossEntropyBackward', 'softmax-cross-entropy'],
    ['linearBackwardBias', 'linear'],
  ])('finds an op by the name %s', async (name, op) => {
    const results = await gradcheck({ ops: [name, name] });
    expect(results.map((result) => result.op)).toEqual([op]);
  });

  it('refuses an unknown op, and lists the known ones', async () => {
    await expect(gradcheck({ ops: ['relu', 'conv9d'] })).rejects.toThrow(
      `gradcheck: expected ops of ${GRADCHECK_OPS.join(', ')}, got conv9d`,
    );
  });
});
