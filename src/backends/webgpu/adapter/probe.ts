/**
 * Finds out whether Dawn has an adapter before this process loads it. Dawn, the Vulkan loader and
 * drivers write warnings to stderr themselves, and a broken driver may crash or hang. So a
 * subprocess loads Dawn first, with its output captured and its time limited. It costs about 0.1 s
 * plus the start of the driver, once per process. Node only.
 */

import type { ExecFileException } from 'node:child_process';
import { nodeModule } from '../../../platform/node.js';
import { dawnUrl } from './availability.js';
import { explainOutput, vulkanDrivers } from './vulkan-drivers.js';

/** Generous: a machine with eight GPUs takes seconds to list them. */
const TIMEOUT_SECONDS = 30;

/** What the probe writes once Dawn has answered; a crash after that, while it exits, does not matter. */
const ANSWERS = { found: '[handgrad: found]', none: '[handgrad: none]' };

/** Requests an adapter as `findAdapter` does. Opening a device would take as long again. */
const SCRIPT = `
import { writeSync } from 'node:fs';
const { create, globals } = await import(process.argv[1]);
Object.assign(globalThis, globals);
const adapter = await create([]).requestAdapter();
writeSync(1, adapter ? '${ANSWERS.found}' : '${ANSWERS.none}');
process.exit();`;

/** How the probe ended. */
interface Outcome {
  /** Undefined if the probe ended before Dawn answered. */
  readonly answer: keyof typeof ANSWERS | undefined;
  /** The signal that ended it, if any. */
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  /** What Dawn, the Vulkan loader and drivers wrote. */
  readonly output: string;
}

let probing: Promise<string | undefined> | undefined;

/**
 * Why Dawn has no usable adapter, to follow "got"; undefined if it has one, or if this process cannot
 * start a probe. The answer is cached for the process.
 *
 * @param timeout how long a driver may take to answer, in seconds
 */
export function whyNoDawnAdapter(timeout = TIMEOUT_SECONDS): Promise<string | undefined> {
  probing ??= probe(timeout);
  return probing;
}

async function probe(timeout: number): Promise<string | undefined> {
  const outcome = await runProbe(timeout);
  if (outcome === undefined) return undefined;
  const { answer, signal, timedOut, output } = outcome;
  if (answer === 'found' && output === '') return undefined;
  // The package cannot be loaded: loading it in this process reports the reason.
  if (answer === undefined && signal === undefined) return undefined;
  if ((await hideBrokenDrivers(timeout)) || answer === 'found') return undefined;
  if (timedOut) {
    return `a GPU driver that did not answer within ${timeout} s; reinstall the driver`;
  }
  if (signal !== undefined && answer === undefined) {
    return `a GPU driver that crashed with ${signal}; reinstall the driver`;
  }
  return explainOutput(output);
}

/**
 * Hides the Vulkan drivers without an adapter from this process and its subprocesses: one broken driver
 * makes the loader warn, fail or hang, even if another driver works. Warnings of a driver that does have an
 * adapter remain. All drivers are probed at once, so several that hang take no longer than one.
 *
 * @returns whether drivers were hidden and others are left
 */
async function hideBrokenDrivers(timeout: number): Promise<boolean> {
  const drivers = await vulkanDrivers();
  if (drivers.length < 2) return false;
  const outcomes = await Promise.all(
    drivers.map((file) => runProbe(timeout, { VK_DRIVER_FILES: file, VK_ICD_FILENAMES: file })),
  );
  const working = drivers.filter((_, i) => outcomes[i]?.answer === 'found');
  if (working.length === 0 || working.length === drivers.length) return false;
  const { delimiter } = await nodeModule<typeof import('node:path')>('node:path');
  // Loaders before 1.3.207 know only the second name.
  const files = working.join(delimiter);
  // Bundlers for pages refuse plain assignments.
  Object.assign(globalThis.process.env, { VK_DRIVER_FILES: files, VK_ICD_FILENAMES: files });
  return true;
}

/** Undefined where no subprocess can be started. */
async function runProbe(
  seconds: number,
  variables: Record<string, string> = {},
): Promise<Outcome | undefined> {
  const url = await dawnUrl();
  if (url === undefined || !(await isPlainNode())) return undefined;
  const { execFile } = await nodeModule<typeof import('node:child_process')>('node:child_process');
  const args = ['--input-type=module', '--eval', SCRIPT, url];
  // Options for this process, such as --inspect-brk or a preload, could stop or confuse the probe.
  const { NODE_OPTIONS: _, ...env } = globalThis.process.env;
  const options = {
    env: { ...env, ...variables },
    windowsHide: true,
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((resolve) => {
    try {
      execFile(globalThis.process.execPath, args, options, (error, stdout, stderr) => {
        // A string such as EACCES means that the subprocess did not start.
        if (typeof error?.code === 'string') resolve(undefined);
        else resolve(outcomeOf(`${stdout}${stderr}`, error));
      });
    } catch {
      // Node's permission model forbids subprocesses.
      resolve(undefined);
    }
  });
}

function outcomeOf(text: string, error: ExecFileException | null): Outcome {
  const answer = (['found', 'none'] as const).find((each) => text.includes(ANSWERS[each]));
  const output = answer === undefined ? text : text.replace(ANSWERS[answer], '');
  const timedOut = answer === undefined && error?.killed === true;
  return { answer, signal: error?.signal ?? undefined, timedOut, output: output.trim() };
}

/** Whether `process.execPath` is Node, rather than an application that contains it. */
async function isPlainNode(): Promise<boolean> {
  const { basename } = await nodeModule<typeof import('node:path')>('node:path');
  return /^node(js)?(\.exe)?$/i.test(basename(globalThis.process.execPath));
}
