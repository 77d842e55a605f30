import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/errors.js';
import {
  flatten,
  formatDescription,
  type Layer,
  linear,
  onImages,
  relu,
  sequential,
} from '../../../src/index.js';
import { LayerBuffer } from '../../../src/layers/parameters/parameter.js';
import { Step } from '../../../src/step.js';
import { persistent } from '../../../src/tensor.js';
import { describeOnEachBackend } from '../../backends.js';
import { appendLayer } from '../append-layer.js';

const IMAGE = { channels: 3, height: 2, width: 4 };

describe('onImages', () => {
  it('takes a row per image, and keeps the names of parameters and buffers', () => {
    const buffer = new LayerBuffer('mean', [3], 0);
    const inner: Layer = Object.assign(relu(), { buffers: [buffer] });
    const model = onImages(IMAGE, sequential(inner, flatten(), linear(24, 5)));
    expect(model.input).toEqual({ features: 24 });
    expect(model.parameters.map(({ name }) => name)).toEqual(['2.weight', '2.bias']);
    expect(model.buffers).toEqual([buffer]);
    expect(buffer.name).toBe('0.mean');
    expect(formatDescription(model.description)).toBe(
      'onImages({ channels: 3, height: 2, width: 4 }, sequential(relu(), flatten(), linear(24, 5)))',
    );
  });

  it('passes images to the model, channels last, and returns rows of gradients', () => {
    const [x, dy] = [persistent('x', [5, 24]), persistent('dy', [5, 2, 4, 3])];
    const { y, dx } = appendLayer(onImages(IMAGE, relu()), new Step(), x, dy);
    expect(y.shape).toEqual([5, 2, 4, 3]);
    expect(dx.shape).toEqual([5, 24]);
  });

  it('refuses rows of another length, and inputs that are not rows', () => {
    const forward = (shape: readonly number[]) => () =>
      onImages(IMAGE, relu()).forward(new Step(), persistent('x', shape));
    const expected = 'onImages: expected input of shape (B, 24) for images of 3·2·4 numbers';
    expect(forward([5, 25])).toThrow(new ShapeError(`${expected}, got (5, 25)`));
    expect(forward([5, 2, 4, 3])).toThrow(new ShapeError(`${expected}, got (5, 2, 4, 3)`));
  });

  it('refuses extents that are not positive integers', () => {
    const make = (changed: object) => () => onImages({ ...IMAGE, ...changed }, relu());
    expect(make({ channels: 0 })).toThrow(/^onImages: expected channels to be an integer/);
    expect(make({ height: 2.5 })).toThrow(/^onImages: expected height to be an integer/);
    expect(make({ width: -1 })).toThrow(/^onImages: expected width to be an integer/);
  });

  it('refuses a model that another model owns, and owns its own', () => {
    const model = relu();
    const images = onImages(IMAGE, model);
    expect(() => sequential(model)).toThrow(ShapeError);
    expect(() => onImages(IMAGE, model)).toThrow(
      'onImages: expected layers that belong to no model yet, got relu() as the model, which already does; create another one',
    );
    expect(sequential(images).input).toEqual({ features: 24 });
  });
});

describeOnEachBackend('onImages', (backend) => {
  it('is the inverse of flatten, forward and backward', async () => {
    const [model, step] = [onImages(IMAGE, flatten()), new Step()];
    const [x, dy] = [persistent('x', [2, 24]), persistent('dy', [2, 24])];
    const { y: images } = onImages(IMAGE, sequential(relu())).forward(step, x);
    step.keep(images);
    const { y, dx } = appendLayer(model, step, x, dy);
    const values = Array.from({ length: 48 }, (_, i) => i);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, values);
      runtime.write(dy, values);
      await executable.run(1);
      // Three channels of the first two pixels; a row has eight numbers per channel.
      expect([...(await runtime.read(images))].slice(0, 6)).toEqual([0, 8, 16, 1, 9, 17]);
      expect([...(await runtime.read(y))]).toEqual(values);
      expect([...(await runtime.read(dx))]).toEqual(values);
    });
  });
});
