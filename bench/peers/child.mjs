import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PYTORCH_SCRIPT } from './python.mjs';

const SERVE = fileURLToPath(new URL('serve.mjs', import.meta.url));
/** A contestant that does not answer within this is stuck. */
const LIMIT_MILLISECONDS = 300_000;
/** The end of what it wrote on stderr, told when it dies. */
const KEPT_CHARACTERS = 1000;

/** One contestant's process, which computes only while it is asked something. */
export class Child {
  #process;
  #stderr = '';
  /** Takes the answer to the question that is open. */
  #answer = (_answer) => {};
  /** Why it can no longer answer. */
  #end;

  /**
   * @param {import('./contestants.mjs').Contestant} contestant
   * @param {{ program?: string, error?: string }} pytorch what `findPytorch` found
   * @throws Error when there is no PyTorch to start
   */
  constructor({ engine, threads }, pytorch) {
    const [program, ...args] = commandOf(engine, pytorch);
    const env = { ...process.env, ...threadVariables(threads) };
    this.#process = spawn(program, args, { env });
    this.#process.on('error', ({ message }) => this.#endWith(message));
    this.#process.on('exit', (status, signal) =>
      this.#endWith(`its process ended with ${signal ?? status}: ${this.#stderr.trim()}`),
    );
    // Writing to a process that has ended fails, which `exit` tells better.
    this.#process.stdin.on('error', () => {});
    this.#process.stderr.on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_CHARACTERS);
    });
    const lines = createInterface({ input: this.#process.stdout });
    lines.on('line', (line) => this.#answer(parseAnswer(line)));
  }

  /**
   * Sends a command, and waits for its answer.
   *
   * @throws Error with the contestant's own words when it cannot do it, when it dies, or when it
   *   does not answer
   */
  async ask(command) {
    const stuck = () => {
      this.#endWith(`no answer within ${LIMIT_MILLISECONDS / 1000} s`);
      this.close();
    };
    const limit = setTimeout(stuck, LIMIT_MILLISECONDS);
    const answer = await new Promise((resolve) => {
      this.#answer = resolve;
      if (this.#end) resolve(this.#end);
      else this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    });
    clearTimeout(limit);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  close() {
    this.#process.kill('SIGKILL');
  }

  #endWith(error) {
    this.#end ??= { error };
    this.#answer(this.#end);
  }
}

function commandOf(engine, pytorch) {
  if (engine !== 'pytorch') return [process.execPath, SERVE, engine];
  if (pytorch.error !== undefined) throw new Error(pytorch.error);
  return [pytorch.program, PYTORCH_SCRIPT];
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
