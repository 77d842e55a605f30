import { describe, expect, it } from 'vitest';
import { ShapeError, shown } from '../../src/errors.js';
import { type Conv2dOptions, conv2d, formatDescription } from '../../src/index.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { appendLayer } from './append-layer.js';

describe('conv2d', () => {
  it('has a weight (KH, KW, C, OC), which PyTorch stores as (OC, C, KH, KW), and a bias (OC)', () => {
    const layer = conv2d(16, 32, [3, 5]);
    const [weight, bias] = layer.parameters;
    expect([weight.name, weight.tensor.shape, weight.pytorchShape]).toEqual([
      'weight',
      [3, 5, 16, 32],
      [32, 16, 3, 5],
    ]);
    expect([bias.name, bias.tensor.shape]).toEqual(['bias', [32]]);
    expect(layer.input).toBe('images');
  });

  it('has a weight for the channels of one group, and no bias with bias: false', () => {
    const layer = conv2d(16, 32, 3, { groups: 4, bias: false });
    expect(layer.parameters.map((p) => [p.name, p.pytorchShape])).toEqual([
      ['weight', [32, 4, 3, 3]],
    ]);
  });

  it('is described by the call that made it', () => {
    expect(formatDescription(conv2d(1, 32, 3).description)).toBe('conv2d(1, 32, 3)');
    const options = { stride: [2, 1], padding: 1, bias: false } as const;
    expect(formatDescription(conv2d(1, 32, [3, 5], options).description)).toBe(
      'conv2d(1, 32, [3, 5], { stride: [2, 1], padding: 1, bias: false })',
    );
  });

  it('draws initial weights and biases within ±1/√(taps · channels of a group)', () => {
    for (const parameter of conv2d(32, 64, 5, { groups: 8 }).parameters) {
      const values = parameter.initialValues(new RandomStream(0, 1));
      expect(Math.max(...values.map(Math.abs)), parameter.name).toBeLessThanOrEqual(0.1);
      expect(Math.max(...values.map(Math.abs)), parameter.name).toBeGreaterThan(0.09);
    }
  });

  it.each<[string, Conv2dOptions, readonly number[]]>([
    ['plain', {}, [8, 26, 26, 4]],
    ['with padding', { padding: 1 }, [8, 28, 28, 4]],
    ['with strides', { stride: [2, 3], padding: [1, 0] }, [8, 14, 9, 4]],
    ['with dilation', { dilation: [4, 1] }, [8, 20, 26, 4]],
  ])('infers the shape of its output: %s', (_, options, shape) => {
    const x = persistent('x', [8, 28, 28, 2]);
    expect(conv2d(2, 4, 3, options).forward(new Step(), x).y.shape).toEqual(shape);
  });

  it.each<[readonly [number, number, number], Conv2dOptions, string]>([
    [[0, 3, 3], {}, 'inputs to be an integer of at least 1, got 0'],
    [[3, 1.5, 3], {}, 'outputs to be an integer of at least 1, got 1.5'],
    [[3, 3, 0], {}, 'kernel to be an integer of at least 1, got 0'],
    [[3, 3, 3], { stride: 0 }, 'stride to be an integer of at least 1, got 0'],
    [[3, 3, 3], { dilation: [1, -1] }, 'dilation to be an integer of at least 1, got -1'],
    [[3, 3, 3], { padding: -1 }, 'padding to be an integer of at least 0, got -1'],
    [[3, 6, 3], { groups: 2 }, 'groups to divide 3 input and 6 output channels, got 2'],
  ])('refuses %j with %j', (sizes, options, message) => {
    expect(() => conv2d(...sizes, options)).toThrow(new ShapeError(`conv2d: expected ${message}`));
  });

  it.each([[[3]], [[3, 3, 3]], [[]], [null]])('refuses %j where a pair is expected', (list) => {
    const refusal = (what: string) =>
      new ShapeError(
        `conv2d: expected ${what} to be one number or [height, width], got ${shown(list)}`,
      );
    expect(() => conv2d(3, 3, list as never)).toThrow(refusal('kernel'));
    for (const what of ['stride', 'padding', 'dilation']) {
      expect(() => conv2d(3, 3, 3, { [what]: list })).toThrow(refusal(what));
    }
  });
});

describeOnEachBackend('conv2d', (backend) => {
  it('computes its output, and the gradients of weight, bias and input', async () => {
    const layer = conv2d(1, 1, 2);
    const [weight, bias] = layer.parameters;
    const [x, dy] = [persistent('x', [1, 3, 3, 1]), persistent('dy', [1, 2, 2, 1])];
    const step = new Step();
    const { y, dx } = appendLayer(layer, step, x, dy);
    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
      runtime.write(weight.tensor, [1, 10, 100, 1000]);
      runtime.write(bias.tensor, [0.5]);
      runtime.write(dy, [1, 0, 0, 2]);
      // Gradients are assigned: a second run must not add to the first one's.
      await executable.run(2);
      const exactly = { absolute: 0 };
      expectClose('y', await runtime.read(y), [5421.5, 6532.5, 8754.5, 9865.5], exactly);
      expectClose('dW', await runtime.read(weight.gradient), [11, 14, 20, 23], exactly);
      expectClose('db', await runtime.read(bias.gradient), [3], exactly);
      const want = [1, 10, 0, 100, 1002, 20, 0, 200, 2000];
      expectClose('dx', await runtime.read(dx), want, exactly);
    });
  });
});
