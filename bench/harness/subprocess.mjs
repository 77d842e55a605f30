/** Subprocesses: each candidate runs in one, so that a failure or a hang affects no other. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PYTORCH_SCRIPT } from './python.mjs';

const SERVE = fileURLToPath(new URL('serve.mjs', import.meta.url));
/** Removed from error messages: reports do not name folders of this machine. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LIMIT_SECONDS = 300;
/** Characters at the end of stderr that an error message quotes. */
const KEPT_CHARACTERS = 1000;

/** Killed when this process ends. */
const running = new Set();
process.on('exit', () => {
  for (const subprocess of running) subprocess.close();
});

/** A subprocess that answers in lines of JSON on stdout. */
export class Subprocess {
  #process;
  #stderr = '';
  /** Receives the answer to the current command. */
  #resolve = (_answer) => {};
  /** The error that ended the subprocess. */
  #end;

  /**
   * @param {readonly string[]} command program and arguments
   * @param {Record<string, string>} [variables] of the environment
   */
  constructor([program, ...args], variables = {}) {
    this.#process = spawn(program, args, { env: { ...process.env, ...variables } });
    running.add(this);
    this.#process.on('error', ({ message }) => this.#endWith(message));
    // Unlike `exit`, `close` comes after the last line of stdout.
    this.#process.on('close', (status, signal) =>
      this.#endWith(`its process ended with ${signal ?? status}: ${this.#stderr.trim()}`),
    );
    // Writing to an ended process fails; `close` reports why it ended.
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_CHARACTERS);
    });
    const lines = createInterface({ input: this.#process.stdout });
    lines.on('line', (line) => this.#resolve(parseAnswer(line)));
  }

  /**
   * Sends a command as a line of JSON and waits for the answer.
   *
   * @throws Error with the message of the subprocess if it fails, ends, or exceeds the limit
   */
  ask(command, limitSeconds = LIMIT_SECONDS) {
    return this.#answer(limitSeconds, () =>
      this.#process.stdin.write(`${JSON.stringify(command)}\n`),
    );
  }

  /** Waits for an answer without a command; throws as `ask` does. */
  answer(limitSeconds = LIMIT_SECONDS) {
    return this.#answer(limitSeconds, () => {});
  }

  close() {
    running.delete(this);
    this.#process.kill('SIGKILL');
  }

  async #answer(limitSeconds, start) {
    const stop = () => {
      this.#endWith(`no answer within ${limitSeconds} s`);
      this.close();
    };
    const limit = setTimeout(stop, 1000 * limitSeconds);
    const answer = await new Promise((resolve) => {
      this.#resolve = resolve;
      if (this.#end) resolve(this.#end);
      else start();
    });
    clearTimeout(limit);
    if (answer.error !== undefined) throw new Error(answer.error.replaceAll(ROOT, ''));
    return answer;
  }

  #endWith(error) {
    running.delete(this);
    this.#end ??= { error };
    this.#resolve(this.#end);
  }
}

/**
 * Starts the subprocess of an engine.
 *
 * @param {string} engine a module of engines/
 * @param {{ program?: string, error?: string }} pytorch result of `findPytorch`
 * @param {number} [threads] of libraries that read it from the environment
 * @throws Error if the engine is PyTorch and there is none
 */
export function startEngine(engine, pytorch, threads) {
  const variables = threads === undefined ? {} : threadVariables(threads);
  if (engine !== 'pytorch') return new Subprocess([process.execPath, SERVE, engine], variables);
  if (pytorch.error !== undefined) throw new Error(pytorch.error);
  return new Subprocess([pytorch.program, PYTORCH_SCRIPT], variables);
}

/** BLAS libraries read their number of threads when they are loaded, each under its own name. */
function threadVariables(threads) {
  const names = ['OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'];
  return Object.fromEntries(names.map((name) => [name, String(threads)]));
}

function parseAnswer(line) {
  try {
    return JSON.parse(line);
  } catch {
    return { error: `expected an answer in JSON, got ${line}` };
  }
}
