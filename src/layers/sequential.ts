import { ShapeError } from '../errors.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Layer } from './layer.js';
import { adopt } from './ownership.js';
import type { LayerBuffer, Parameter } from './parameter.js';

/**
 * Layers one after the other. Parameters are named after their layer's number, as in PyTorch's
 * `nn.Sequential`: `0.weight`, `0.bias`, `2.weight`.
 *
 * A ShapeError from a layer that does not take what the one before makes begins with its number and
 * description: `layer 2, linear(784, 10): …`.
 *
 * @throws ShapeError without layers, or when a layer is given that a model or a trainer has already
 * @example sequential(linear(784, 30), relu(), linear(30, 10))
 */
export function sequential(...layers: readonly Layer[]): Layer {
  return new Sequential(layers);
}

/** As `sequential`, for a network known by a name of its own. */
export function namedSequential(description: string, ...layers: readonly Layer[]): Layer {
  return new Sequential(layers, description);
}

class Sequential implements Layer {
  readonly description: string;
  readonly features: number | undefined;
  readonly takesImages: boolean;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly LayerBuffer[];
  readonly #layers: readonly Layer[];

  constructor(layers: readonly Layer[], description?: string) {
    if (layers.length === 0) {
      throw new ShapeError('sequential: expected at least one layer, got none');
    }
    this.#layers = [...layers];
    adopt(
      'sequential',
      layers.map((layer, i) => ({ layer, role: `layer ${i}`, prefix: String(i) })),
    );
    this.description = description ?? layers.map((layer) => layer.description).join(', ');
    // Layers that take any number hand on as many as they get, unless they take images.
    const first = layers.find((layer) => layer.features !== undefined || layer.takesImages);
    this.features = first?.features;
    this.takesImages = first?.takesImages ?? false;
    this.parameters = layers.flatMap((layer) => layer.parameters);
    this.buffers = layers.flatMap((layer) => layer.buffers ?? []);
  }

  forward(step: Step, x: Tensor): Tensor {
    return this.#layers.reduce(
      (input, layer, i) => step.within(String(i), () => forwardNamed(layer, step, input)),
      x,
    );
  }

  /** The chain rule: what one layer says of its input is what the layer before needs to hear. */
  backward(step: Step, dy: Tensor): Tensor {
    return this.#layers.reduceRight(
      (gradient, layer, i) => step.within(String(i), () => layer.backward(step, gradient)),
      dy,
    );
  }
}

/**
 * Runs a layer's forward. A ShapeError from it begins with the layer's place and description; one that
 * has a cause does so already, from a model within.
 */
function forwardNamed(layer: Layer, step: Step, x: Tensor): Tensor {
  try {
    return layer.forward(step, x);
  } catch (error) {
    if (!(error instanceof ShapeError) || error.cause) throw error;
    const message = `layer ${step.path}, ${layer.description}: ${error.message}`;
    throw new ShapeError(message, { cause: error });
  }
}
