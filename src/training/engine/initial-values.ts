import type { Runtime } from '../../backends/runtime.js';
import type { Layer } from '../../layers/layer.js';
import { RandomStream, STREAMS } from '../../random/threefry.js';

/** Writes a model's initial parameters, each from a random stream of its own, and its buffers. */
export function writeInitialValues(runtime: Runtime, model: Layer, seed: number): void {
  model.parameters.forEach((parameter, i) => {
    const random = new RandomStream(seed, STREAMS.parameters + i);
    runtime.write(parameter.tensor, parameter.initialValues(random));
  });
  for (const { tensor, initialValue } of model.buffers ?? []) {
    runtime.write(tensor, new Float32Array(tensor.size).fill(initialValue));
  }
}
