/**
 * Finds out whether Dawn has an adapter before this process loads it. Dawn, the Vulkan loader and
 * drivers write warnings to stderr themselves, and a broken driver may crash or hang. So a
 * subprocess loads Dawn first, with its output captured and its time limited. It costs about 0.1 s
 * plus the start of the driver, once per process. Node only.
 */

import type { ExecFileException } from 'node:child_process';
import { nodeModule } from '../../../platform/node.js';
import { dawnUrl } from './availability.js';
import { type AdapterDescription, isSoftware } from './software.js';
import { explainOutput, vulkanDrivers } from './vulkan-drivers.js';

/** Generous: a machine with eight GPUs takes seconds to list them. */
const TIMEOUT_SECONDS = 30;

/**
 * What the probe writes before and after its answer, once Dawn has answered; a crash after that, while it
 * exits, does not matter.
 */
const [BEFORE, AFTER] = ['[handgrad: ', ' :handgrad]'];

/** Requests an adapter as `findAdapter` does. Opening a device would take as long again. */
const SCRIPT = `
import { writeSync } from 'node:fs';
const { create, globals } = await import(process.argv[1]);
Object.assign(globalThis, globals);
const adapter = await create([]).requestAdapter();
const { vendor, architecture, description, device, isFallbackAdapter } = adapter?.info ?? {};
const info = adapter && { vendor, architecture, description, device, isFallbackAdapter };
writeSync(1, '${BEFORE}' + JSON.stringify(info) + '${AFTER}');
process.exit();`;

/** The adapter that a probe found. */
type ProbedAdapter = AdapterDescription & Pick<GPUAdapterInfo, 'device'>;

/** How the probe ended. */
interface Outcome {
  /** The adapter, or null for none; undefined if the probe ended before Dawn answered. */
  readonly adapter: ProbedAdapter | null | undefined;
  /** The signal that ended it, if any. */
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  /** What Dawn, the Vulkan loader and drivers wrote. */
  readonly output: string;
}

/** What is known of Dawn's adapters before this process loads it. */
interface Probed {
  /** Why there is no usable adapter, to follow "got". */
  readonly missing?: string;
  /** The name of the preferred adapter if it computes on the CPU. */
  readonly software?: string;
}

let probing: Promise<Probed> | undefined;

/**
 * Why Dawn has no usable adapter, to follow "got"; undefined if it has one, or if this process cannot
 * start a probe. The answer is cached for the process.
 *
 * @param timeout how long a driver may take to answer, in seconds
 */
export async function whyNoDawnAdapter(timeout = TIMEOUT_SECONDS): Promise<string | undefined> {
  probing ??= probe(timeout);
  return (await probing).missing;
}

/**
 * The name of the adapter that Dawn prefers if it computes on the CPU; undefined for another one, or none.
 * Does not load Dawn, which writes warnings about Mesa's software adapter to stderr.
 */
export async function softwareAdapter(): Promise<string | undefined> {
  probing ??= probe(TIMEOUT_SECONDS);
  return (await probing).software;
}

async function probe(timeout: number): Promise<Probed> {
  const outcome = await runProbe(timeout);
  if (outcome === undefined) return {};
  const { adapter, signal, timedOut, output } = outcome;
  if (adapter && output === '') return found(adapter);
  // The package cannot be loaded: loading it in this process reports the reason.
  if (adapter === undefined && signal === undefined) return {};
  const left = (await hideDrivers(timeout)) ?? adapter;
  if (left) return found(left);
  if (timedOut) {
    return {
      missing: `a GPU driver that did not answer within ${timeout} s; reinstall the driver`,
    };
  }
  if (signal !== undefined && adapter === undefined) {
    return { missing: `a GPU driver that crashed with ${signal}; reinstall the driver` };
  }
  return { missing: await explainOutput(output) };
}

function found(adapter: ProbedAdapter): Probed {
  return computesOnCpu(adapter) ? { software: adapter.description || adapter.device } : {};
}

function computesOnCpu(adapter: ProbedAdapter): boolean {
  return isSoftware(adapter, adapter.device);
}

/**
 * Hides Vulkan drivers from this process and its subprocesses: those without an adapter, since one broken
 * driver makes the loader warn, fail or hang, even if another driver works, and software drivers about which
 * Dawn warns. Warnings about a driver of a GPU remain. All drivers are probed at once, so several that hang
 * take no longer than one.
 *
 * @returns the adapter that is left, a GPU rather than a software adapter; undefined if no driver was hidden
 */
async function hideDrivers(timeout: number): Promise<ProbedAdapter | undefined> {
  const drivers = await vulkanDrivers();
  if (drivers.length < 2) return undefined;
  const probed = await Promise.all(
    drivers.map(async (file) => {
      const outcome = await runProbe(timeout, { VK_DRIVER_FILES: file, VK_ICD_FILENAMES: file });
      return outcome?.adapter ? [{ file, adapter: outcome.adapter, output: outcome.output }] : [];
    }),
  );
  const working = probed.flat();
  const quiet = working.filter(({ adapter, output }) => output === '' || !computesOnCpu(adapter));
  const kept = quiet.length > 0 ? quiet : working;
  if (kept.length === 0 || kept.length === drivers.length) return undefined;
  const { delimiter } = await nodeModule<typeof import('node:path')>('node:path');
  // Loaders before 1.3.207 know only the second name.
  const files = kept.map(({ file }) => file).join(delimiter);
  // Bundlers for pages refuse plain assignments.
  Object.assign(globalThis.process.env, { VK_DRIVER_FILES: files, VK_ICD_FILENAMES: files });
  const { adapter } = kept.find((each) => !computesOnCpu(each.adapter)) ?? kept[0];
  return adapter;
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
  const begin = text.indexOf(BEFORE);
  const end = text.indexOf(AFTER, begin);
  const hasAnswer = begin >= 0 && end >= 0;
  const output = hasAnswer ? text.slice(0, begin) + text.slice(end + AFTER.length) : text;
  return {
    adapter: hasAnswer ? JSON.parse(text.slice(begin + BEFORE.length, end)) : undefined,
    signal: error?.signal ?? undefined,
    timedOut: !hasAnswer && error?.killed === true,
    output: output.trim(),
  };
}

/** Whether `process.execPath` is Node, rather than an application that contains it. */
async function isPlainNode(): Promise<boolean> {
  const { basename } = await nodeModule<typeof import('node:path')>('node:path');
  return /^node(js)?(\.exe)?$/i.test(basename(globalThis.process.execPath));
}
