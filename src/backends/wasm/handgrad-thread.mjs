/**
 * One thread of the worker pool: an instance of the core over the shared memory. Plain JavaScript, so
 * that Node and browsers run the same file, which bundlers find by its URL.
 *
 * Some bundlers (Vite) make classic scripts of workers, so this file must not use top-level await or
 * static imports.
 */

if (globalThis.process?.versions?.node !== undefined) {
  const builtin = 'node:worker_threads';
  // Node queues the messages of `parentPort` until it has a listener, so none is lost meanwhile.
  import(/* webpackIgnore: true */ /* @vite-ignore */ builtin).then(({ parentPort }) => {
    listen(parentPort);
  });
} else {
  // Browsers deliver messages after the script has run: the listener must be there by then.
  listen(globalThis);
}

function listen(port) {
  port.onmessage = async ({ data }) => {
    try {
      const core = await join(data);
      port.postMessage({ ready: true });
      try {
        core.workerLoop();
        port.postMessage({ left: true });
      } catch (error) {
        core.fail();
        throw error;
      }
    } catch (error) {
      port.postMessage({ failure: String(error) });
    }
  };
}

/** Instantiates the core as one thread of the pool. */
async function join({ module, memory, control, tileRows, pairsStrips, spins, number, count }) {
  // Only thread 0 asks whether the pool is alive.
  const env = { memory, poolIsAlive: () => true };
  const { exports: core } = await WebAssembly.instantiate(module, { env });
  // In the order of thread 0: see core.ts.
  for (const { name, kind } of WebAssembly.Module.exports(module)) {
    if (kind === 'function') core.table.grow(1, core[name]);
  }
  core.setTileRows(tileRows);
  core.setPairsStrips(pairsStrips);
  core.joinWorkerPool(control, number, count, true, spins);
  return core;
}
