import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.js';
import {
  averagePool2d,
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  gelu,
  globalAveragePool,
  type Layer,
  leakyRelu,
  linear,
  maxPool2d,
  onImages,
  relu,
  residual,
  resnet18,
  sequential,
  sigmoid,
  tanh,
} from '../../src/index.js';
import { OPS } from '../../src/ops/registry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { blobs, createTrainer, expectSameState } from '../training/fixtures.js';
import { appendLayer } from './append-layer.js';

/** ReLU as a caller would write it: the example of src/layers/layer.ts. */
const customRelu = (): Layer => ({
  description: { name: 'customRelu', options: {} },
  input: 'any',
  parameters: [],
  forward(step, x) {
    const { y } = step.call(OPS.reluForward, { x });
    return { y, backward: (dy) => step.call(OPS.reluBackward, { dy, y }).dx };
  },
});

/** y = tanh(tanh x), with an activation inside forward and another inside backward. */
const twiceTanh = (): Layer => ({
  description: { name: 'twiceTanh', options: {} },
  input: 'any',
  parameters: [],
  forward(step, x) {
    const { h } = step.call(OPS.tanhForward, { x }, { as: { y: 'h' } });
    const { y } = step.call(OPS.tanhForward, { x: h });
    return {
      y,
      backward(dy) {
        const { dh } = step.call(OPS.tanhBackward, { dy, y }, { as: { dx: 'dh' } });
        return step.call(OPS.tanhBackward, { dy: dh, y: h }).dx;
      },
    };
  },
});

/** A layer whose input is not differentiable. */
const integerLayer = (): Layer => ({
  description: { name: 'integerLayer', options: {} },
  input: 'tokens',
  parameters: [],
  forward: (_step, x) => ({ y: x, backward: () => undefined }),
});

const IMAGE = { channels: 3, height: 4, width: 4 };

describe('the input of a layer', () => {
  const any = [
    relu(),
    leakyRelu(),
    gelu(),
    sigmoid(),
    tanh(),
    dropout(0.5),
    flatten(),
    batchNorm2d(3),
  ];
  it.each(any.map((layer) => [layer.description.name, layer] as const))('%s: any', (_, layer) => {
    expect(layer.input).toBe('any');
  });

  const images = [conv2d(3, 4, 1), maxPool2d(2), averagePool2d(2), globalAveragePool(), resnet18()];
  it.each(images.map((layer) => [layer.description.name, layer] as const))(
    '%s: images',
    (_, layer) => {
      expect(layer.input).toBe('images');
    },
  );

  it.each<[string, Layer, Layer['input']]>([
    ['linear', linear(4, 3), { features: 4 }],
    ['onImages', onImages(IMAGE, conv2d(3, 4, 1)), { features: 48 }],
    ['sequential, from its first layer', sequential(linear(4, 3), linear(3, 2)), { features: 4 }],
    ['sequential, from a later layer', sequential(relu(), maxPool2d(2)), 'images'],
    ['sequential of integers', sequential(integerLayer(), linear(3, 2)), 'tokens'],
    ['sequential without restriction', sequential(relu(), flatten()), 'any'],
    ['residual, from its body', residual(linear(4, 4)), { features: 4 }],
    ['residual, from its shortcut', residual(relu(), conv2d(3, 3, 1)), 'images'],
    ['nested containers', sequential(residual(sequential(relu(), linear(5, 5)))), { features: 5 }],
  ])('%s', (_, layer, input) => {
    expect(layer.input).toEqual(input);
  });
});

describe('a custom layer', () => {
  it('has the names of its activations prefixed by its path, in forward and backward', () => {
    const step = new Step();
    const model = sequential(relu(), residual(sequential(twiceTanh(), relu())));
    appendLayer(model, step, persistent('x', [2, 3]), persistent('dy', [2, 3]));
    const names = step.calls.map(({ tensors: { y, dx }, op }) => [
      op,
      (op.endsWith('Backward') ? dx : y).name,
    ]);
    expect(names).toEqual([
      ['reluForward', '0.y'],
      ['tanhForward', '1.body.0.h'],
      ['tanhForward', '1.body.0.y'],
      ['reluForward', '1.body.1.y'],
      ['add', '1.y'],
      ['reluBackward', 'd(1.body.0.y)'],
      ['tanhBackward', '1.body.0.dh'],
      ['tanhBackward', '1.body.0.dx'],
      ['add', 'd(0.y)'],
      ['reluBackward', '0.dx'],
    ]);
  });

  it('may return no gradient only where none is needed', () => {
    const first = sequential(integerLayer(), linear(3, 2));
    const { backward } = first.forward(new Step(), persistent('x', [2, 3]));
    expect(backward(persistent('dy', [2, 2]))).toBeUndefined();

    const refusal = new ShapeError(
      'integerLayer: expected a layer that passes gradients on, got one that takes integers; put it first',
    );
    for (const model of [
      sequential(linear(48, 48), integerLayer()),
      residual(integerLayer()),
      residual(relu(), integerLayer()),
      onImages(IMAGE, integerLayer()),
    ]) {
      const result = model.forward(new Step(), persistent('x', [2, 48]));
      expect(() => result.backward(persistent('dy', result.y.shape))).toThrow(refusal);
    }
  });
});

describeOnEachBackend('a custom layer', (backend) => {
  it('trains like the built-in layer with the same calls', async () => {
    const train = blobs({ size: 100 });
    const [builtIn, custom] = [relu, customRelu].map((activation) =>
      createTrainer(backend, { model: sequential(linear(4, 8), activation(), linear(8, 3)) }),
    );
    for (const trainer of [builtIn, custom]) await trainer.fit(train, { epochs: 8 });
    expectSameState(await custom.state(), await builtIn.state());
    expect((await custom.evaluate(train)).accuracy).toBeGreaterThan(0.8);
  });
});
