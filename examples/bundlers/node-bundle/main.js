import { createBackend, train } from 'handgrad';
import { syntheticDigits } from 'handgrad/data';
import { openWorker } from 'handgrad/worker';

/** Trains `mlp` for two epochs, and returns its accuracy and where it ran. */
async function run({ createBackend, train }) {
  const backend = await createBackend('wasm');
  const data = syntheticDigits({ trainSize: 1000, testSize: 200 });
  const { evaluation } = await train('mlp', { backend, data, epochs: 2 });
  const { build, threads, notes } = backend.info;
  await backend.close();
  return { accuracy: evaluation.accuracy, build, threads, notes };
}

/** The same in a worker. */
async function runInWorker() {
  const library = await openWorker();
  try {
    return await run(library);
  } finally {
    await library.close();
  }
}

async function main() {
  const main = await run({ createBackend, train });
  const worker = await runInWorker().catch((error) => ({ error: String(error) }));
  return { main, worker };
}

console.log(JSON.stringify(await main()));
