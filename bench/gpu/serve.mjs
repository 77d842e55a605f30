/**
 * A contestant's own process: `node serve.mjs ENGINE TASK`, where TASK is JSON. Prints what it
 * measured, or `error`, as one line of JSON on stdout.
 */

// Engines print notices; only the answer belongs on stdout.
console.log = console.info = console.debug = console.error;

const ENGINES = {
  handgrad: './engines/handgrad.mjs',
  tensorflow: '../../dist/bench/tensorflow.mjs',
};

const [engine, task] = process.argv.slice(2);
// What a browser has, for engines that expect one.
if (engine === 'tensorflow') {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]), userAgent: 'Node' } });
}
process.stdout.write(`${JSON.stringify(await answer())}\n`, () => process.exit());

async function answer() {
  try {
    const { measure } = await import(ENGINES[engine]);
    return await measure(JSON.parse(task));
  } catch (error) {
    return { error: error?.message ?? String(error) };
  }
}
