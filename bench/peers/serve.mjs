/**
 * A contestant's own process: `node serve.mjs ENGINE`. Commands come as lines of JSON on stdin, and
 * each is answered by one on stdout.
 *
 *   {"command":"prepare","job":…,"device":…,"threads":…}   → {"build":…}, the result in a file
 *   {"command":"run","times":…,"rouse":…}                  → {"milliseconds":…}
 *   {"command":"accuracy"}                                 → {"accuracy":…}, after an epoch
 *
 * To rouse a contestant is to have it do the work once, untimed, before.
 *
 * A failure is answered as {"error":…}. The process ends when stdin does.
 */

import { createInterface } from 'node:readline';
import { writeArray } from './files.mjs';
import { rest } from './rest.mjs';

// Engines print notices; only answers belong on stdout.
console.log = console.info = console.debug = console.error;

const engine = process.argv[2];
let runner;

const commands = { prepare, run, accuracy };
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
  const { open } = await import(`./engines/${engine}.mjs`);
  const opened = await open({ device, threads });
  if (opened.threads !== threads) throw new Error(threadsMismatch(threads, opened));
  runner = await opened[job.subject](job);
  await writeArray(job.folder, job.result, Float32Array.from(runner.result));
  return { build: opened.build };
}

/** @param {{ threads: number, note?: string }} opened `note` says why, where the engine knows */
function threadsMismatch(wanted, { threads, note }) {
  return [`asked for ${wanted} threads, it has ${threads}`, note].filter(Boolean).join(': ');
}

async function run({ times, rouse }) {
  if (rouse) await runner.run(1);
  const began = performance.now();
  await runner.run(times);
  const milliseconds = performance.now() - began;
  await rest();
  return { milliseconds };
}

async function accuracy() {
  return { accuracy: await runner.accuracy() };
}
