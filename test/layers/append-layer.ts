import type { Layer } from '../../src/index.js';
import { expectGradient } from '../../src/layers/layer.js';
import type { Step } from '../../src/step.js';
import type { Tensor } from '../../src/tensor.js';

/** Appends forward and backward of a layer, and keeps y and dx for reading. */
export function appendLayer(layer: Layer, step: Step, x: Tensor, dy: Tensor) {
  const { y, backward } = layer.forward(step, x);
  const dx = expectGradient(layer, backward(dy));
  for (const result of [y, dx]) step.keep(result);
  return { y, dx };
}
