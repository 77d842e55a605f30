import type { Backend } from '../../numerics/backend.js';
import type { Tensor, Values } from '../../tensor.js';

/**
 * The values of tensors after a task that runs while no other task of the backend runs. The backend accepts
 * other requests before the values have arrived, so one wait for a GPU serves all requests in flight.
 *
 * @param task makes its requests and returns the tensors
 */
export async function valuesAfter(
  backend: Backend,
  task: () => Promise<readonly Tensor[]>,
): Promise<Values[]> {
  const { values } = await backend.exclusive(async () => {
    const tensors = await task();
    return { values: Promise.all(tensors.map((tensor) => backend.runtime.read(tensor))) };
  });
  return values;
}
