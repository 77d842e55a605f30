/** Runs one job in a process of its own, so that one which fails or hangs harms no other. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

const ROOT = path('../../');
export const PYTORCH_SCRIPT = path('engines/pytorch.py');
/** The end of what it wrote on stderr, told when it fails. */
const KEPT_CHARACTERS = 600;

/**
 * @param {import('./work.mjs').Job} job
 * @param {{ program?: string, error?: string }} pytorch what `findPytorch` found
 * @returns {Promise<object>} what was measured, or `error`, with `isAbsent` where there is no engine
 */
export async function runJob(job, pytorch) {
  if (job.engine === 'pytorch' && pytorch.error !== undefined) {
    return { error: pytorch.error, isAbsent: true };
  }
  const answer = await runCommand(commandOf(job, pytorch), job.limitSeconds);
  // Engines name their files in errors; where the checkout lies is nobody's concern.
  return answer.error === undefined ? answer : { error: answer.error.replaceAll(ROOT, '') };
}

function commandOf({ engine, task }, pytorch) {
  const commands = {
    bench: () => [process.execPath, path('../../dist/cli.js'), 'bench', ...task.args],
    pytorch: () => [pytorch.program, PYTORCH_SCRIPT, JSON.stringify(task)],
  };
  const serve = () => [process.execPath, path('serve.mjs'), engine, JSON.stringify(task)];
  return (commands[engine] ?? serve)();
}

/** The last line of its stdout, as JSON. */
function runCommand([program, ...args], limitSeconds) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, error] = ['', '', undefined];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr = (stderr + text).slice(-KEPT_CHARACTERS);
  });
  const limit = setTimeout(() => {
    error = `not done within ${limitSeconds} s`;
    child.kill('SIGKILL');
  }, 1000 * limitSeconds);
  // A process that ends early leaves none behind.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return new Promise((resolve) => {
    child.on('error', ({ message }) => resolve({ error: message }));
    child.on('close', (status, signal) => {
      clearTimeout(limit);
      process.off('exit', kill);
      const answer = parse(stdout.trimEnd().split('\n').at(-1));
      const reason = error ?? (answer === undefined ? deathOf(status, signal, stderr) : undefined);
      resolve(reason === undefined ? answer : { error: reason });
    });
  });
}

function deathOf(status, signal, stderr) {
  return `its process ended with ${signal ?? status}: ${stderr.trim()}`;
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
