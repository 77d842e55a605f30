import { describe, expect, it } from 'vitest';
import { adam, adamW, cosine, type Optimizer, Parameter, sgd, zeros } from '../../src/index.js';
import { createStepState } from '../../src/ops/step-state.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { clipGradients } from '../../src/training/optimizers/clip-gradients.js';

const parameter = (name: string, size: number) =>
  new Parameter(name, [size], { fanIn: size, initializer: zeros() });

/** The single call that an update appends. */
function updateOf(optimizer: Optimizer) {
  const step = new Step();
  const w = parameter('w', 3);
  const moments = optimizer.moments.map((name) => persistent(name, [3]));
  optimizer.update(step, w, moments, createStepState());
  const [{ op, tensors, attributes }] = step.calls;
  expect([tensors.w, tensors.dw]).toEqual([w.tensor, w.gradient]);
  return { op, attributes, moments: optimizer.moments };
}

describe('sgd', () => {
  it('calls the op for its options', () => {
    expect(updateOf(sgd({ learningRate: 1, weightDecay: 0.5 }))).toEqual({
      op: 'sgdUpdate',
      attributes: { weightDecay: 0.5 },
      moments: [],
    });
    expect(updateOf(sgd({ learningRate: 1, momentum: 0.9 }))).toEqual({
      op: 'sgdMomentumUpdate',
      attributes: { momentum: 0.9, weightDecay: 0 },
      moments: ['velocity'],
    });
    expect(updateOf(sgd({ learningRate: 1, momentum: 1, nesterov: true }))).toEqual({
      op: 'sgdNesterovUpdate',
      attributes: { momentum: 1, weightDecay: 0 },
      moments: ['velocity'],
    });
  });

  it('refuses numbers out of range, and Nesterov without momentum', () => {
    const error = (message: string) => new RangeError(`sgd: expected ${message}`);
    expect(() => sgd({ learningRate: 1, momentum: 1.1 })).toThrow(
      error('momentum to be a finite number from 0 to 1, got 1.1'),
    );
    expect(() => sgd({ learningRate: 1, momentum: -0.1 })).toThrow(RangeError);
    expect(() => sgd({ learningRate: 1, weightDecay: NaN })).toThrow(
      error('weightDecay to be a finite number of at least 0, got NaN'),
    );
    expect(() => sgd({ learningRate: 1, nesterov: true })).toThrow(
      error('a momentum above 0 with nesterov, got 0'),
    );
  });
});

describe.each([
  ['adam', adam, 0],
  ['adamW', adamW, 0.01],
] as const)('%s', (name, make, weightDecay) => {
  it('keeps two moments, and has PyTorch’s defaults', () => {
    expect(updateOf(make({ learningRate: 1 }))).toEqual({
      op: `${name}Update`,
      attributes: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay },
      moments: ['mean', 'square'],
    });
    const own = { betas: [0.8, 0.99], epsilon: 1e-5, weightDecay: 0.2 } as const;
    expect(updateOf(make({ learningRate: 1, ...own })).attributes).toEqual({
      beta1: 0.8,
      beta2: 0.99,
      epsilon: 1e-5,
      weightDecay: 0.2,
    });
  });

  it('refuses numbers out of range: with β = 1 the bias correction would divide by zero', () => {
    const refused = (options: object) => expect(() => make({ learningRate: 1, ...options }));
    refused({ betas: [1, 0.999] }).toThrow(
      /^adamW?: expected betas\[0\] to be a finite number from 0 to 0\.9+8, got 1$/,
    );
    refused({ betas: [0.9, -0.1] }).toThrow(/betas\[1\]/);
    refused({ epsilon: -1 }).toThrow(/epsilon to be a finite number of at least 0, got -1/);
    refused({ weightDecay: Infinity }).toThrow(/weightDecay to be a finite number/);
  });
});

describe('every optimizer', () => {
  it('accepts a learning rate or a schedule', () => {
    for (const make of [sgd, adam, adamW]) {
      expect(make({ learningRate: 0.3 }).schedule.at(5, 10, 2)).toBe(0.3);
      const schedule = cosine({ rate: 1 });
      expect(make({ learningRate: schedule }).schedule).toBe(schedule);
      for (const learningRate of [0, -1, NaN]) {
        expect(() => make({ learningRate })).toThrow(
          new RangeError(`constant: expected rate to be a positive number, got ${learningRate}`),
        );
      }
    }
  });
});

describe('clipGradients', () => {
  it('computes the norm of all gradients before it scales any', () => {
    const step = new Step();
    const parameters = [parameter('a', 3), parameter('b', 5)];
    clipGradients(step, parameters, 2);
    expect(step.calls.map(({ op, tensors, attributes }) => [op, tensors.dw, attributes])).toEqual([
      ['sumOfSquares', parameters[0].gradient, { slot: 0 }],
      ['sumOfSquares', parameters[1].gradient, { slot: 1 }],
      ['clipFactor', undefined, { limit: 2 }],
      ['scaleGradient', parameters[0].gradient, {}],
      ['scaleGradient', parameters[1].gradient, {}],
    ]);
  });
});
