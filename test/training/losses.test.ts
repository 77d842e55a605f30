import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import {
  binaryCrossEntropy,
  formatDescription,
  type Loss,
  mnistLoss,
  softmaxCrossEntropy,
  squaredError,
} from '../../src/index.js';
import type { Backend } from '../../src/numerics/backend.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';

/** Loss, gradient and prediction for an output and its targets. */
async function computed(
  backend: Backend,
  loss: Loss,
  shape: readonly [B: number, O: number],
  outputs: readonly number[],
  targets: readonly number[],
) {
  const [B] = shape;
  const output = persistent('output', shape);
  const isReal = loss.targets === 'reals';
  const t = persistent('targets', isReal ? shape : [B], isReal ? 'float32' : 'int32');
  const step = new Step();
  const { L, backward } = loss.forward(step, output, t);
  const doutput = backward();
  const predictions = loss.predict(step, output);
  for (const tensor of [L, doutput, predictions]) step.keep(tensor);
  return backend.exclusive(async () => {
    const { runtime } = backend;
    const executable = await runtime.compile(step);
    runtime.write(output, outputs);
    runtime.write(t, targets);
    await executable.run(1);
    return {
      L: await runtime.read(L),
      doutput: await runtime.read(doutput),
      predictions: await runtime.read(predictions),
    };
  });
}

const near = { absolute: 1e-6 };

describeOnEachBackend('losses', (backend) => {
  it('softmaxCrossEntropy is the mean of −log p[t], and predicts p', async () => {
    const logits = [0, Math.log(3), 0, 0];
    const got = await computed(backend, softmaxCrossEntropy(), [2, 2], logits, [1, 0]);
    expectClose('L', got.L, [(Math.log(4 / 3) + Math.log(2)) / 2], near);
    expectClose('dz', got.doutput, [1 / 8, -1 / 8, -1 / 4, 1 / 4], near);
    expectClose('p', got.predictions, [1 / 4, 3 / 4, 1 / 2, 1 / 2], near);
  });

  it('binaryCrossEntropy is the mean of −log p for the right class, and predicts p', async () => {
    const got = await computed(backend, binaryCrossEntropy(), [2, 1], [Math.log(3), 0], [1, 0]);
    expectClose('L', got.L, [(Math.log(4 / 3) + Math.log(2)) / 2], near);
    expectClose('dz', got.doutput, [-1 / 8, 1 / 4], near);
    expectClose('p', got.predictions, [3 / 4, 1 / 2], near);
  });

  it('mnistLoss is the mean distance of p from the label, and predicts p', async () => {
    const got = await computed(backend, mnistLoss(), [2, 1], [Math.log(3), 0], [1, 0]);
    expectClose('L', got.L, [3 / 8], near);
    expectClose('dz', got.doutput, [-3 / 32, 1 / 8], near);
    expectClose('p', got.predictions, [3 / 4, 1 / 2], near);
  });

  it('squaredError is the mean or the sum of squares, and predicts the output', async () => {
    const mean = await computed(backend, squaredError(), [2, 1], [1, 4], [3, 1]);
    expectClose('L', mean.L, [6.5], near);
    expectClose('dy', mean.doutput, [-2, 3], near);
    expectClose('predictions', mean.predictions, [1, 4], near);
    const sum = await computed(backend, squaredError({ reduction: 'sum' }), [2, 1], [1, 4], [3, 1]);
    expectClose('L', sum.L, [13], near);
    expectClose('dy', sum.doutput, [-4, 6], near);
  });
});

describe('losses', () => {
  it('state their targets and their reduction', () => {
    const described = [
      softmaxCrossEntropy(),
      binaryCrossEntropy(),
      mnistLoss(),
      squaredError(),
      squaredError({ reduction: 'sum' }),
    ].map(({ description, targets, reduction }) => {
      return [formatDescription(description), targets, reduction];
    });
    expect(described).toEqual([
      ['softmaxCrossEntropy()', 'labels', 'mean'],
      ['binaryCrossEntropy()', 'labels', 'mean'],
      ['mnistLoss()', 'labels', 'mean'],
      ['squaredError()', 'reals', 'mean'],
      ["squaredError({ reduction: 'sum' })", 'reals', 'sum'],
    ]);
  });

  it('have one class per output, two for one logit, none for reals', () => {
    expect(softmaxCrossEntropy().classes(10)).toBe(10);
    expect(binaryCrossEntropy().classes(1)).toBe(2);
    expect(mnistLoss().classes(1)).toBe(2);
    expect(squaredError().classes(1)).toBe(0);
  });

  it('refuse outputs of another width', () => {
    expect(() => softmaxCrossEntropy().classes(1)).toThrow(
      new ShapeError(
        'softmaxCrossEntropy: expected an output of at least 2 classes, got 1; use binaryCrossEntropy',
      ),
    );
    for (const loss of [binaryCrossEntropy(), mnistLoss()]) {
      expect(() => loss.classes(2)).toThrow(
        new ShapeError(
          `${loss.description.name}: expected a model output of shape (B, 1), got (B, 2)`,
        ),
      );
    }
    expect(() => squaredError().classes(3)).toThrow(
      new ShapeError('squaredError: expected a model output of shape (B, 1), got (B, 3)'),
    );
  });

  it('can be appended to many steps, each with its own tensors', () => {
    const loss = softmaxCrossEntropy();
    for (const B of [2, 5]) {
      const step = new Step();
      const [z, t] = [persistent('z', [B, 3]), persistent('t', [B], 'int32')];
      expect(loss.forward(step, z, t).backward().shape).toEqual([B, 3]);
    }
  });
});
