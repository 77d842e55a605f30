/**
 * The subprocess of an engine: `node serve.mjs ENGINE`. It reads commands as lines of JSON on stdin
 * and answers each with one line on stdout.
 *
 *   {"command":"prepare","job":…,"device":…,"threads":…}   → {"build":…}, and the result in a file
 *   {"command":"run","times":…,"prime":…}                  → {"milliseconds":…}
 *   {"command":"accuracy"}                                 → {"accuracy":…}, after an epoch
 *   {"command":"measure","task":…}                         → the figures of a whole task (GPU suite)
 *
 * With `prime`, the workload runs once, untimed, before it is timed. The answer to a failed command is
 * {"error":…}. The process ends when stdin ends.
 */

import { createInterface } from 'node:readline';
import { writeArray } from './files.mjs';
import { waitIdle } from './wait-idle.mjs';

// Engines print notices; only answers belong on stdout.
console.log = console.info = console.debug = console.error;

/** Engines that are not plain modules of engines/. */
const BUNDLES = { 'tensorflow-webgpu': '../../dist/bench/tensorflow-webgpu.mjs' };

const engine = process.argv[2];
let workload;

const commands = { prepare, run, accuracy, measure };
const lines = createInterface({ input: process.stdin });
for await (const line of lines) process.stdout.write(`${await answer(JSON.parse(line))}\n`);
process.exit();

async function answer({ command, ...options }) {
  try {
    return JSON.stringify(await commands[command](options));
  } catch (error) {
    return JSON.stringify({ error: error?.message ?? String(error) });
  }
}

async function prepare({ job, device, threads }) {
  const { open } = await importEngine();
  const opened = await open({ device, threads });
  if (opened.threads !== threads) throw new Error(threadsMismatch(threads, opened));
  workload = await opened[job.subject](job);
  await writeArray(job.folder, job.result, Float32Array.from(workload.result));
  return { build: opened.build };
}

/** @param {{ threads: number, note?: string }} opened `note` is the engine's own explanation */
function threadsMismatch(wanted, { threads, note }) {
  return [`asked for ${wanted} threads, it has ${threads}`, note].filter(Boolean).join(': ');
}

async function run({ times, prime }) {
  if (prime) await workload.run(1);
  const start = performance.now();
  await workload.run(times);
  const milliseconds = performance.now() - start;
  await waitIdle();
  return { milliseconds };
}

async function accuracy() {
  return { accuracy: await workload.accuracy() };
}

async function measure({ task }) {
  const module = await importEngine();
  return module.measure(task);
}

async function importEngine() {
  if (engine === 'tensorflow-webgpu') await defineNavigator();
  return import(BUNDLES[engine] ?? `../engines/${engine}.mjs`);
}

/** `navigator.gpu` and the globals of WebGPU, which TensorFlow.js expects as in a browser. */
async function defineNavigator() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]), userAgent: 'Node' } });
}
