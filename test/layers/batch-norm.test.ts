import { describe, expect, it } from 'vitest';
import { ShapeError, TrainingError } from '../../src/errors.js';
import { batchNorm2d, formatDescription, sequential } from '../../src/index.js';
import { createStepState } from '../../src/ops/step-state.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { appendLayer } from './append-layer.js';

const trainingStep = (updatesStatistics = true) =>
  new Step({ seed: 0, state: createStepState().state, updatesStatistics });

const opsOf = (step: Step) => step.calls.map(({ op }) => op);

describe('batchNorm2d', () => {
  it('has PyTorch’s parameters and buffers, starting at γ = 1, β = 0, mean 0 and variance 1', () => {
    const layer = batchNorm2d(3);
    expect(formatDescription(layer.description)).toBe('batchNorm2d(3)');
    expect(layer.input).toBe('any');
    const first = layer.parameters.map((p) => [
      p.name,
      [...p.initialValues(new RandomStream(0, 0))],
    ]);
    expect(first).toEqual([
      ['weight', [1, 1, 1]],
      ['bias', [0, 0, 0]],
    ]);
    const buffers = layer.buffers?.map(({ name, tensor, initialValue }) => {
      return [name, tensor.shape, initialValue];
    });
    expect(buffers).toEqual([
      ['running_mean', [3], 0],
      ['running_var', [3], 1],
    ]);
    const nested = sequential(sequential(batchNorm2d(3)));
    expect(nested.buffers?.map(({ name }) => name)).toEqual([
      '0.0.running_mean',
      '0.0.running_var',
    ]);
  });

  it('normalises by batch statistics in training, and by running statistics otherwise', () => {
    const forward = (step: Step) => {
      step.keep(batchNorm2d(3).forward(step, persistent('x', [2, 4, 4, 3])).y);
      return opsOf(step);
    };
    const batch = ['batchNormStatistics', 'batchNormForward'];
    expect(forward(trainingStep(false))).toEqual(batch);
    expect(forward(trainingStep()).sort()).toEqual([...batch, 'updateRunningStatistics'].sort());
    expect(forward(new Step())).toEqual(['batchNormForward']);
  });

  it('refuses arguments out of range, and inputs with another number of channels', () => {
    expect(() => batchNorm2d(0)).toThrow(
      new ShapeError('batchNorm2d: expected channels to be an integer of at least 1, got 0'),
    );
    expect(() => batchNorm2d(3, { epsilon: -1 })).toThrow(RangeError);
    expect(() => batchNorm2d(3, { momentum: 1.5 })).toThrow(
      'batchNorm2d: expected momentum to be a finite number from 0 to 1, got 1.5',
    );
    for (const step of [new Step(), trainingStep()]) {
      expect(() => batchNorm2d(3).forward(step, persistent('x', [5, 4]))).toThrow(
        'batchNorm2d: expected input of shape (…, 3), channels last, got (5, 4)',
      );
    }
  });

  it('accepts a batch of one in evaluation but not in training', () => {
    const x = persistent('x', [1, 3]);
    expect(batchNorm2d(3).forward(new Step(), x).y.shape).toEqual([1, 3]);
    expect(() => batchNorm2d(3).forward(trainingStep(), x)).toThrow(
      new ShapeError(
        'batchNorm: expected more than one value per channel to train on, got (1, 3); choose a batch size that leaves no batch of one',
      ),
    );
  });

  it('has no backward in a step that evaluates', () => {
    const { backward } = batchNorm2d(3).forward(new Step(), persistent('x', [5, 3]));
    expect(() => backward(persistent('dy', [5, 3]))).toThrow(
      new TrainingError(
        'batchNorm2d: expected a step that trains for backward, got one that evaluates',
      ),
    );
  });
});

describeOnEachBackend('batchNorm2d', (backend) => {
  it('computes its output, gradients and running statistics', async () => {
    const layer = batchNorm2d(1, { epsilon: 4, momentum: 0.5 });
    const [weight, bias] = layer.parameters;
    const [runningMean, runningVariance] = layer.buffers ?? [];
    const [x, dy] = [persistent('x', [4, 1]), persistent('dy', [4, 1])];
    const [training, evaluation] = [trainingStep(), new Step()];
    const { y, dx } = appendLayer(layer, training, x, dy);
    const evaluated = layer.forward(evaluation, x).y;
    evaluation.keep(evaluated);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(training);
      runtime.write(x, [1, 3, 5, 7]);
      runtime.write(dy, [1, 0, -2, 3]);
      runtime.write(weight.tensor, [3]);
      runtime.write(bias.tensor, [1]);
      runtime.write(runningMean.tensor, [8]);
      runtime.write(runningVariance.tensor, [0]);
      await executable.run(1);
      // mean = 4, variance = 5, rstd = 1/3
      const near = { absolute: 2e-6 };
      expectClose('y', await runtime.read(y), [-2, 0, 2, 4], near);
      expectClose('dβ', await runtime.read(bias.gradient), [2], near);
      expectClose('dγ', await runtime.read(weight.gradient), [4 / 3], near);
      const want = [1, 0, -2, 3].map((d, n) => d - 0.5 - (2 * n - 3) / 9);
      expectClose('dx', await runtime.read(dx), want, near);
      expectClose('running mean', await runtime.read(runningMean.tensor), [6], near);
      expectClose('running variance', await runtime.read(runningVariance.tensor), [10 / 3], near);

      runtime.write(runningVariance.tensor, [32]);
      await (await runtime.compile(evaluation)).run(1);
      const outputs = [1, 3, 5, 7].map((value) => (value - 6) / 2 + 1);
      expectClose('y', await runtime.read(evaluated), outputs, near);
      expectClose('running mean', await runtime.read(runningMean.tensor), [6], near);
    });
  });
});
