import type { Device } from '../../backends/device.js';
import type { Layer } from '../../layers/layer.js';
import { RandomStream, STREAMS } from '../../random/threefry.js';

/** Writes a model's initial parameters, each from a random stream of its own, and its buffers. */
export function writeInitialValues(device: Device, model: Layer, seed: number): void {
  model.parameters.forEach((parameter, i) => {
    const random = new RandomStream(seed, STREAMS.parameters + i);
    device.write(parameter.tensor, parameter.initialValues(random));
  });
  for (const { tensor, initialValue } of model.buffers ?? []) {
    device.write(tensor, new Float32Array(tensor.size).fill(initialValue));
  }
}
