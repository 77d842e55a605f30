import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/errors.js';
import {
  dropout,
  formatDescription,
  type Layer,
  linear,
  relu,
  residual,
  sequential,
} from '../../../src/index.js';
import { LayerBuffer } from '../../../src/layers/parameters/parameter.js';
import { createStepState } from '../../../src/ops/step-state.js';
import { STREAMS } from '../../../src/random/threefry.js';
import { Step } from '../../../src/step.js';
import { persistent } from '../../../src/tensor.js';
import { describeOnEachBackend } from '../../backends.js';
import { expectClose } from '../../values.js';
import { appendLayer } from '../append-layer.js';

describe('residual', () => {
  it('names parameters after its branches, as a PyTorch module with them does', () => {
    const body = sequential(linear(4, 3), relu(), linear(3, 2));
    const block = residual(body, sequential(linear(4, 2)));
    const names = block.parameters.map(({ name }) => name);
    expect(names).toEqual([
      ...['body.0.weight', 'body.0.bias', 'body.2.weight', 'body.2.bias'],
      ...['shortcut.0.weight', 'shortcut.0.bias'],
    ]);
    expect(block.input).toEqual({ features: 4 });
    expect(formatDescription(block.description)).toBe(
      'residual(sequential(linear(4, 3), relu(), linear(3, 2)), sequential(linear(4, 2)))',
    );
  });

  it('names buffers after its branches, too', () => {
    const withBuffer = (): Layer =>
      Object.assign(relu(), { buffers: [new LayerBuffer('running_mean', [3], 0)] });
    const { buffers } = sequential(residual(sequential(withBuffer()), withBuffer()));
    expect(buffers?.map(({ name }) => name)).toEqual([
      '0.body.0.running_mean',
      '0.shortcut.running_mean',
    ]);
  });

  it('takes the input of the first branch that restricts it', () => {
    expect(residual(relu(), linear(5, 5)).input).toEqual({ features: 5 });
    expect(residual(relu()).input).toBe('any');
  });

  it('names activations after its branches, in forward and backward', () => {
    const step = new Step();
    const block = residual(linear(4, 2), linear(4, 2));
    appendLayer(block, step, persistent('x', [3, 4]), persistent('dy', [3, 2]));
    const named = step.calls.map(({ op, tensors: { y, dx } }) => [op, (y ?? dx)?.name]);
    expect(named).toEqual([
      ['linearForward', 'body.y'],
      ['linearForward', 'shortcut.y'],
      ['add', 'y'],
      ['linearBackwardWeight', undefined],
      ['linearBackwardBias', undefined],
      ['linearBackwardInput', 'body.dx'],
      ['linearBackwardWeight', undefined],
      ['linearBackwardBias', undefined],
      ['linearBackwardInput', 'shortcut.dx'],
      ['add', 'dx'],
    ]);
  });

  it('numbers the dropouts of both branches in order', () => {
    const { state } = createStepState();
    const step = new Step({ seed: 0, state, updatesStatistics: true });
    const block = residual(dropout(0.5), dropout(0.5));
    step.keep(block.forward(step, persistent('x', [3, 4])).y);
    const streams = step.calls.map(({ attributes }) => attributes.stream);
    expect(streams).toEqual([STREAMS.dropout, STREAMS.dropout + 1, undefined]);
  });

  it('refuses branches whose outputs differ in shape', () => {
    const forward = (block: Layer) => () => block.forward(new Step(), persistent('x', [8, 4]));
    expect(forward(residual(linear(4, 3)))).toThrow(
      new ShapeError(
        'residual: expected the shortcut to map (8, 4) to (8, 3) like the body, got (8, 4); pass a shortcut with that output',
      ),
    );
    expect(forward(residual(linear(4, 3), linear(4, 2)))).toThrow(
      new ShapeError(
        'residual: expected the shortcut to map (8, 4) to (8, 3) like the body, got (8, 2)',
      ),
    );
  });

  it('refuses branches that a model owns, and the same layer for both', () => {
    const layer = relu();
    const refusal = (role: string) =>
      new ShapeError(
        `residual: expected layers that belong to no model yet, got relu() as ${role}, which already does; create another one`,
      );
    expect(() => residual(layer, layer)).toThrow(refusal('shortcut'));
    residual(layer);
    expect(() => residual(layer)).toThrow(refusal('body'));
    expect(() => residual(relu(), layer)).toThrow(refusal('shortcut'));
  });
});

describeOnEachBackend('residual', (backend) => {
  async function results(block: Layer) {
    const step = new Step();
    const [x, dy] = [persistent('x', [2, 2]), persistent('dy', [2, 2])];
    const { y, dx } = appendLayer(block, step, x, dy);
    return backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      for (const { tensor } of block.parameters) {
        const isWeight = tensor.shape.length === 2;
        runtime.write(tensor, isWeight ? [1, 2, 3, 4] : [10, 20]);
      }
      runtime.write(x, [1, -1, 2, 0.5]);
      runtime.write(dy, [1, 10, -1, 2]);
      await executable.run(2);
      return { y: await runtime.read(y), dx: await runtime.read(dx) };
    });
  }

  it('without a shortcut, adds x to the output of the body and dy to its gradient', async () => {
    const { y, dx } = await results(residual(sequential(linear(2, 2), relu())));
    expectClose('y', y, [9, 17, 15.5, 26.5], { absolute: 0 });
    expectClose('dx', dx, [22, 53, 2, 7], { absolute: 0 });
  });

  it('with a shortcut, adds the outputs and the gradients of both branches', async () => {
    const { y, dx } = await results(residual(relu(), linear(2, 2)));
    expectClose('y', y, [9, 18, 15.5, 26.5], { absolute: 0 });
    expectClose('dx', dx, [22, 43, 2, 7], { absolute: 0 });
  });
});
