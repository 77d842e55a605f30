import { type Description, describe } from '../../description.js';
import { ShapeError } from '../../errors.js';
import { addOps } from '../../ops/add.js';
import type { Step } from '../../step.js';
import { formatShape, sameShape, type Tensor } from '../../tensor.js';
import {
  expectGradient,
  expectLayer,
  type Forward,
  type Layer,
  type LayerInput,
} from '../layer.js';
import { adopt } from '../parameters/ownership.js';
import type { LayerBuffer, Parameter } from '../parameters/parameter.js';

/**
 * y = body(x) + shortcut(x), or body(x) + x without a shortcut. Derivation: src/ops/add.ts.
 *
 * Parameters are named as in a PyTorch module with these two attributes: `body.0.weight`,
 * `shortcut.0.weight`.
 *
 * @param body from x to the output
 * @param shortcut from x to the shape of the output; needed if the body changes the shape of x
 * @throws ShapeError when a layer already belongs to a model or a trainer
 * @example sequential(residual(sequential(linear(30, 30), relu(), linear(30, 30))), relu())
 */
export function residual(body: Layer, shortcut?: Layer): Layer {
  return new Residual(body, shortcut);
}

class Residual implements Layer {
  readonly description: Description;
  readonly input: LayerInput;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly LayerBuffer[];
  readonly #body: Layer;
  readonly #shortcut: Layer | undefined;

  constructor(body: Layer, shortcut: Layer | undefined) {
    const branches = shortcut === undefined ? { body } : { body, shortcut };
    for (const [name, layer] of Object.entries(branches)) expectLayer('residual', name, layer);
    adopt(
      'residual',
      Object.entries(branches).map(([name, layer]) => ({ layer, role: name, prefix: name })),
    );
    this.#body = body;
    this.#shortcut = shortcut;
    this.description = describe('residual', {
      body: body.description,
      shortcut: shortcut?.description,
    });
    const layers = Object.values(branches);
    this.input = layers.map(({ input }) => input).find((input) => input !== 'any') ?? 'any';
    this.parameters = layers.flatMap((layer) => layer.parameters);
    this.buffers = layers.flatMap((layer) => layer.buffers ?? []);
  }

  forward(step: Step, x: Tensor): Forward {
    const [body, shortcut] = [this.#body, this.#shortcut];
    const a = step.within('body', () => body.forward(step, x));
    const b = step.within('shortcut', () => shortcut?.forward(step, x)) ?? identity(x);
    if (!sameShape(a.y.shape, b.y.shape)) {
      const hint = shortcut ? '' : '; pass a shortcut with that output';
      throw new ShapeError(
        `residual: expected the shortcut to map ${formatShape(x.shape)} to ${formatShape(a.y.shape)} like the body, got ${formatShape(b.y.shape)}${hint}`,
      );
    }
    const { y } = step.call(addOps.add, { a: a.y, b: b.y });
    return {
      y,
      // x is used twice, so its gradient is the sum of both.
      backward(dy) {
        const da = expectGradient(
          body,
          step.within('body', () => a.backward(dy)),
        );
        const db = expectGradient(
          shortcut ?? body,
          step.within('shortcut', () => b.backward(dy)),
        );
        return step.call(addOps.add, { a: da, b: db }, { as: { y: 'dx' } }).dx;
      },
    };
  }
}

function identity(x: Tensor): Forward {
  return { y: x, backward: (dy) => dy };
}
