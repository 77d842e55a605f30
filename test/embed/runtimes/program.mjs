/* Trains `mlp` for two epochs in this thread, and again in a worker; prints where, and the accuracy. */
import { createBackend, train } from 'handgrad';
import { syntheticDigits } from 'handgrad/data';
import { openWorker } from 'handgrad/worker';

async function run({ createBackend, train }, options) {
  const backend = await createBackend('auto', options);
  const data = syntheticDigits({ trainSize: 1000, testSize: 200 });
  const { evaluation } = await train('mlp', { backend, data, epochs: 2 });
  const { build, threads, notes } = backend.info;
  await backend.close();
  return { accuracy: evaluation.accuracy, build, threads, notes };
}

async function runInWorker() {
  const library = await openWorker();
  try {
    return await run(library);
  } finally {
    await library.close();
  }
}

async function main() {
  const here = await run({ createBackend, train });
  const worker = await runInWorker().catch((error) => ({ error: String(error) }));
  const threads = await run({ createBackend, train }, { threads: 2 }).catch((error) => ({
    error: String(error),
  }));
  console.log(JSON.stringify({ here, worker, threads }));
}

main();
