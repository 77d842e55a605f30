import * as handgrad from 'handgrad';
import { syntheticDigits } from 'handgrad/data';

/** Trains `mlp` for two epochs, and returns its accuracy and where it ran. */
export async function trainMlp({ createBackend, train } = handgrad) {
  const backend = await createBackend('wasm');
  const data = syntheticDigits({ trainSize: 1000, testSize: 200 });
  const { evaluation } = await train('mlp', { backend, data, epochs: 2 });
  const { build, threads, notes } = backend.info;
  await backend.close();
  return { accuracy: evaluation.accuracy, build, threads, notes };
}
