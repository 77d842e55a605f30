import { ShapeError } from '../errors.js';
import type { Step } from '../step.js';
import { formatShape, sameShape, type Tensor } from '../tensor.js';
import type { Layer } from './layer.js';
import { adopt } from './ownership.js';
import type { LayerBuffer, Parameter } from './parameter.js';

/**
 * y = body(x) + shortcut(x), or body(x) + x without a shortcut. Derivation: src/ops/add.ts.
 *
 * Parameters are named as in a PyTorch module with these two attributes: `body.0.weight`,
 * `shortcut.0.weight`.
 *
 * @param shortcut brings x to the shape of the body's output, where that is another
 * @throws ShapeError when a layer is given that a model or a trainer has already
 * @example sequential(residual(sequential(linear(30, 30), relu(), linear(30, 30))), relu())
 */
export function residual(body: Layer, shortcut?: Layer): Layer {
  return new Residual(body, shortcut);
}

class Residual implements Layer {
  readonly description: string;
  readonly features: number | undefined;
  readonly takesImages: boolean;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly LayerBuffer[];
  readonly #body: Layer;
  readonly #shortcut: Layer | undefined;

  constructor(body: Layer, shortcut: Layer | undefined) {
    const branches = shortcut ? { body, shortcut } : { body };
    adopt(
      'residual',
      Object.entries(branches).map(([name, layer]) => ({ layer, role: name, prefix: name })),
    );
    this.#body = body;
    this.#shortcut = shortcut;
    const layers = Object.values(branches);
    this.description = `residual(${layers.map(({ description }) => description).join('; ')})`;
    this.features = body.features ?? shortcut?.features;
    this.takesImages = layers.some((layer) => layer.takesImages);
    this.parameters = layers.flatMap((layer) => layer.parameters);
    this.buffers = layers.flatMap((layer) => layer.buffers ?? []);
  }

  forward(step: Step, x: Tensor): Tensor {
    const a = step.within('body', () => this.#body.forward(step, x));
    const b = step.within('shortcut', () => this.#shortcut?.forward(step, x) ?? x);
    if (!sameShape(a.shape, b.shape)) {
      const mend = this.#shortcut ? '' : '; give it a shortcut that does so';
      throw new ShapeError(
        `residual: expected the shortcut to bring ${formatShape(x.shape)} to ${formatShape(a.shape)} like the body, got ${formatShape(b.shape)}${mend}`,
      );
    }
    const y = step.activation('y', a.shape);
    step.call('add', { y, a, b });
    return y;
  }

  /** x is used twice, so it hears of both uses. */
  backward(step: Step, dy: Tensor): Tensor {
    const a = step.within('body', () => this.#body.backward(step, dy));
    const b = step.within('shortcut', () => this.#shortcut?.backward(step, dy) ?? dy);
    const dx = step.activation('dx', a.shape);
    step.call('add', { y: dx, a, b });
    return dx;
  }
}
