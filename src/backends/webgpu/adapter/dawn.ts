/* WebGPU in Node: Dawn, from the npm package `webgpu`. */

import { BackendError } from '../../../errors.js';

interface Dawn {
  create(flags: readonly string[]): GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** An adapter as Dawn lists it. */
export interface ListedAdapter {
  /** What the driver calls it: `NVIDIA H200`. */
  readonly name: string;
  /** What Dawn reaches it through: `vulkan`, `metal`, `d3d12`, … */
  readonly api: string;
}

/** Dawn's entries, by their flags: each has to outlive all that comes of it. */
const entries = new Map<string, GPU>();

/**
 * Dawn's entry, which computes as the flags say.
 *
 * @throws BackendError where the package is not installed
 */
export async function dawnGpu(flags: readonly string[] = []): Promise<GPU> {
  const key = JSON.stringify(flags);
  const known = entries.get(key);
  if (known) return known;
  const dawn = await importDawn();
  Object.assign(globalThis, dawn.globals);
  const gpu = entries.get(key) ?? dawn.create(flags);
  entries.set(key, gpu);
  return gpu;
}

/** A name that no adapter has: asked for it, Dawn says which there are. */
const NOBODY = 'adapter=?';

/**
 * The adapters that Dawn finds, the one it prefers first.
 *
 * @throws BackendError where the package is not installed
 */
export async function listDawnAdapters(): Promise<readonly ListedAdapter[]> {
  const gpu = await dawnGpu([NOBODY]);
  try {
    await gpu.requestAdapter();
  } catch (error) {
    return parseAdapters(error instanceof Error ? error.message : String(error));
  }
  return [];
}

/** From lines such as ` * backend: 'vulkan', name: 'NVIDIA H200'`. */
export function parseAdapters(message: string): readonly ListedAdapter[] {
  const found = message.matchAll(/^ \* backend: '(?<api>.*?)', name: '(?<name>.*)'$/gm);
  const listed = new Map<string, ListedAdapter>();
  for (const { groups: { api = '', name = '' } = {} } of found) {
    listed.set(`${api} ${name}`, { name, api });
  }
  return [...listed.values()];
}

/** The flags with which Dawn takes that adapter, and no other. */
export function adapterFlags({ name, api }: ListedAdapter): readonly string[] {
  return [`backend=${api}`, `adapter=${name}`];
}

/** @throws BackendError for what cannot be a toggle's name; Dawn says nothing of unknown ones */
export function toggleFlags(toggles: readonly string[]): readonly string[] {
  const wrong = toggles.find((toggle) => !/^[a-z0-9_]+$/.test(toggle));
  if (wrong !== undefined) {
    throw new BackendError(
      `webgpu: expected dawnToggles to be names such as skip_validation, got ${JSON.stringify(wrong)}`,
    );
  }
  return toggles.length === 0 ? [] : [`enable-dawn-features=${toggles.join()}`];
}

async function importDawn(): Promise<Dawn> {
  // At run time only: bundlers for browsers have no such package.
  const name = 'webgpu';
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as Dawn;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(
      `webgpu: expected the package webgpu (Dawn), got: ${reason}; run npm install webgpu`,
      { cause },
    );
  }
}
