/**
 * One thread of the team: its own instance of the core over the shared memory. Plain JavaScript, so
 * that Node and browsers run the very file that bundlers find by its URL.
 */

const inNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
const builtin = 'node:worker_threads';
const port = inNode
  ? (await import(/* webpackIgnore: true */ /* @vite-ignore */ builtin)).parentPort
  : globalThis;

port.onmessage = async ({
  data: { module, memory, kernels, control, tileRows, pairsStrips, looks, number, count },
}) => {
  try {
    const { exports: core } = await WebAssembly.instantiate(module, { env: { memory } });
    for (const kernel of kernels) core.table.grow(1, core[kernel]);
    core.setTileRows(tileRows);
    core.setPairsStrips(pairsStrips);
    core.joinTeam(control, number, count, true, looks);
    port.postMessage({ ready: true });
    try {
      core.work();
    } catch (error) {
      core.fail();
      throw error;
    }
  } catch (error) {
    port.postMessage({ failure: String(error) });
  }
};
