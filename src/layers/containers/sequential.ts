import { type Description, describe, formatDescription } from '../../description.js';
import { ShapeError, shown } from '../../errors.js';
import type { Step } from '../../step.js';
import { isTensor, type Tensor } from '../../tensor.js';
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
 * Layers one after the other. Parameters are named after the number of their layer, as in PyTorch's
 * `nn.Sequential`: `0.weight`, `0.bias`, `2.weight`.
 *
 * When a layer does not accept the output of the one before it, `forward` throws a ShapeError that
 * begins with the number and description of the layer: `layer 2, linear(784, 10): …`.
 *
 * @throws ShapeError without layers, or for a layer that already belongs to a model or a trainer
 * @example sequential(linear(784, 30), relu(), linear(30, 10))
 */
export function sequential(...layers: readonly Layer[]): Layer {
  layers.forEach((layer, i) => {
    expectLayer('sequential', `layer ${i}`, layer);
  });
  const descriptions = layers.map(({ description }) => description);
  return new Sequential(layers, describe('sequential', { layers: descriptions }));
}

/** A sequential network with the description of the function that builds it, such as `resnet18`. */
export function describedSequential(description: Description, layers: readonly Layer[]): Layer {
  return new Sequential(layers, description);
}

class Sequential implements Layer {
  readonly description: Description;
  readonly input: LayerInput;
  readonly parameters: readonly Parameter[];
  readonly buffers: readonly LayerBuffer[];
  readonly #layers: readonly Layer[];

  constructor(layers: readonly Layer[], description: Description) {
    if (layers.length === 0) {
      throw new ShapeError('sequential: expected at least one layer, got none');
    }
    this.#layers = [...layers];
    adopt(
      'sequential',
      layers.map((layer, i) => ({ layer, role: `layer ${i}`, prefix: String(i) })),
    );
    this.description = description;
    this.input = layers.map(({ input }) => input).find((input) => input !== 'any') ?? 'any';
    this.parameters = layers.flatMap((layer) => layer.parameters);
    this.buffers = layers.flatMap((layer) => layer.buffers ?? []);
  }

  forward(step: Step, x: Tensor): Forward {
    const layers = this.#layers;
    const inputs: Tensor[] = [];
    const results: Forward[] = [];
    let y = x;
    for (const [i, layer] of layers.entries()) {
      const result = step.within(String(i), () => forwardNamed(layer, step, y));
      inputs.push(y);
      results.push(result);
      y = result.y;
    }
    return {
      y,
      // The chain rule: the dx of a layer is the dy of the layer before it.
      backward(dy) {
        let gradient: Tensor | undefined = dy;
        for (let i = layers.length - 1; i >= 0; i--) {
          const output = gradient;
          gradient = step.within(String(i), () => results[i].backward(output));
          if (i === 0) break;
          gradient = expectGradient(layers[i], gradient);
          step.nameGradient(gradient, inputs[i]);
        }
        return gradient;
      },
    };
  }
}

/**
 * Calls forward of a layer. Prefixes a ShapeError with the path and description of the layer, unless an
 * inner model has already done so; such an error has a cause.
 */
function forwardNamed(layer: Layer, step: Step, x: Tensor): Forward {
  try {
    const result: Partial<Forward> | undefined = layer.forward(step, x);
    if (isTensor(result?.y) && typeof result.backward === 'function') return result as Forward;
    throw new TypeError(
      `layer ${step.path}, ${formatDescription(layer.description)}: expected forward to return { y, backward }, got ${shown(result)}`,
    );
  } catch (error) {
    if (!(error instanceof ShapeError) || 'cause' in error) throw error;
    const message = `layer ${step.path}, ${formatDescription(layer.description)}: ${error.message}`;
    throw new ShapeError(message, { cause: error });
  }
}
