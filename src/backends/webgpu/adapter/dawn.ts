/* WebGPU in Node: Dawn, from the npm package `webgpu`. */

import { BackendError, reasonOf } from '../../../errors.js';

interface Dawn {
  create(flags: readonly string[]): GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** An adapter as Dawn lists it. */
export interface ListedAdapter {
  /** The driver's name for it: `NVIDIA H200`. */
  readonly name: string;
  /** The native API behind it: `vulkan`, `metal`, `d3d12`, … */
  readonly api: string;
}

/** Instances of Dawn by their flags. An instance must outlive its adapters and devices. */
const instances = new Map<string, GPU>();

/**
 * An instance of Dawn with these flags.
 *
 * @throws BackendError where the package is not installed, or there is no adapter
 */
export async function dawnGpu(flags: readonly string[] = []): Promise<GPU> {
  const key = JSON.stringify(flags);
  const known = instances.get(key);
  if (known) return known;
  // Without an adapter, Dawn would write warnings to stderr. Imported on demand: pages do not load it.
  const { whyNoDawnAdapter } = await import('./probe.js');
  const missing = await whyNoDawnAdapter();
  if (missing !== undefined) throw noAdapter(missing);
  const dawn = await importDawn();
  silenceDeviceSelection();
  Object.assign(globalThis, dawn.globals);
  const gpu = instances.get(key) ?? dawn.create(flags);
  instances.set(key, gpu);
  return gpu;
}

/**
 * Switches off the Vulkan layer of Mesa that asks the desktop for its GPU, where there is no desktop: in
 * containers and over ssh, versions before 23 write to stderr that there is none.
 */
function silenceDeviceSelection(): void {
  const { env, platform } = globalThis.process;
  if (platform !== 'linux' || env.XDG_RUNTIME_DIR || env.MESA_VK_DEVICE_SELECT) return;
  env.NODEVICE_SELECT ??= '1';
}

/** A name that no adapter has. Dawn's error for it lists the adapters that exist. */
const UNKNOWN_ADAPTER = 'adapter=?';

/**
 * Lists the adapters that Dawn finds, the preferred one first.
 *
 * @throws BackendError where the package is not installed, or there is no adapter
 */
export async function listDawnAdapters(): Promise<readonly ListedAdapter[]> {
  const gpu = await dawnGpu([UNKNOWN_ADAPTER]);
  try {
    await gpu.requestAdapter();
  } catch (error) {
    return parseAdapters(reasonOf(error));
  }
  return [];
}

/** Parses lines such as ` * backend: 'vulkan', name: 'NVIDIA H200'`. */
export function parseAdapters(message: string): readonly ListedAdapter[] {
  const found = message.matchAll(/^ \* backend: '(?<api>.*?)', name: '(?<name>.*)'$/gm);
  const listed = new Map<string, ListedAdapter>();
  for (const { groups: { api = '', name = '' } = {} } of found) {
    listed.set(`${api} ${name}`, { name, api });
  }
  return [...listed.values()];
}

/** The flags that restrict Dawn to this adapter. */
export function adapterFlags({ name, api }: ListedAdapter): readonly string[] {
  return [`backend=${api}`, `adapter=${name}`];
}

/**
 * The flags that switch toggles on.
 *
 * @throws BackendError for text that cannot be a toggle's name; Dawn ignores unknown names silently
 */
export function toggleFlags(toggles: readonly string[]): readonly string[] {
  const wrong = toggles.find((toggle) => !/^[a-z0-9_]+$/.test(toggle));
  if (wrong !== undefined) {
    throw new BackendError(
      `webgpu: expected dawnToggles to be names such as skip_validation, got ${JSON.stringify(wrong)}`,
    );
  }
  return toggles.length === 0 ? [] : [`enable-dawn-features=${toggles.join()}`];
}

/** @param found what there is instead of an adapter, and the remedy */
export function noAdapter(found: string): BackendError {
  return new BackendError(`webgpu: expected a GPU adapter, got ${found}, or use the wasm backend`);
}

async function importDawn(): Promise<Dawn> {
  // Resolved at run time, because bundlers for browsers cannot resolve this package.
  const name = 'webgpu';
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as Dawn;
  } catch (cause) {
    throw new BackendError(
      `webgpu: expected the package webgpu (Dawn), got: ${reasonOf(cause)}; run npm install webgpu`,
      { cause },
    );
  }
}
