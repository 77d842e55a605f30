import { BackendError, reasonOf } from '../../../errors.js';
import { inNode } from '../../../platform/node.js';
import { navigatorGpu, whyNoNavigatorGpu } from './availability.js';
import {
  adapterFlags,
  dawnGpu,
  type ListedAdapter,
  listDawnAdapters,
  noAdapter,
  toggleFlags,
} from './dawn.js';
import type { WebgpuOptions } from './options.js';
import type { AdapterDescription } from './software.js';

/** An adapter and its name. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  readonly name: string;
  /** The native API behind it, if known: `vulkan`, `metal`, … */
  readonly api?: string;
}

/**
 * Requests the adapter that the options describe, from the browser or from Dawn in Node.
 *
 * @throws BackendError when there is no adapter, none of that name, or no WebGPU
 */
export async function findAdapter(options: WebgpuOptions = {}): Promise<FoundAdapter> {
  const gpu = navigatorGpu();
  if (gpu) return findInBrowser(gpu, options);
  expectDawn();
  return findInDawn(options);
}

/**
 * Requests every adapter of this machine, the preferred one first.
 *
 * @throws BackendError where WebGPU is missing
 */
export async function findAdapters(): Promise<readonly FoundAdapter[]> {
  const gpu = navigatorGpu();
  if (gpu) return offeredBy(gpu);
  expectDawn();
  const listed = await listDawnAdapters();
  const found = listed.map(async (each) => {
    // With the toggle that `precision: 'f16'` switches on, so that the report has shader-f16.
    const gpu = await dawnGpu([...adapterFlags(each), ...toggleFlags([F16_ON_NVIDIA])]);
    const adapter = await gpu.requestAdapter();
    return adapter ? [{ ...each, adapter }] : [];
  });
  return (await Promise.all(found)).flat();
}

/** A name from the adapter's own description. */
export function nameOf({ vendor, architecture, description }: AdapterDescription): string {
  return description || [vendor, architecture].filter((part) => part !== '').join(' ');
}

/** @throws BackendError outside Node, where Dawn cannot be loaded */
function expectDawn(): void {
  if (!inNode) throw new BackendError(whyNoNavigatorGpu());
}

async function findInDawn(options: WebgpuOptions): Promise<FoundAdapter> {
  const { adapter: wanted, powerPreference } = options;
  const toggles = toggleFlags(togglesOf(options));
  if (wanted !== undefined) {
    const chosen = adapterNamed(wanted, await listDawnAdapters());
    const gpu = await dawnGpu([...adapterFlags(chosen), ...toggles]);
    return { ...chosen, adapter: await request(gpu, powerPreference) };
  }
  const adapter = await request(await dawnGpu(toggles), powerPreference);
  const { name } = listedAs(adapter.info, await listDawnAdapters()) ?? {};
  return { adapter, name: name ?? nameOf(adapter.info) };
}

/** Dawn hides `shader-f16` on NVIDIA with Vulkan unless this toggle is on; elsewhere it has no effect. */
const F16_ON_NVIDIA = 'vulkan_enable_f16_on_nvidia';

/** The user's toggles, and those that the other options need. */
function togglesOf({ dawnToggles = [], precision }: WebgpuOptions): readonly string[] {
  return precision === 'f16' ? [...new Set([...dawnToggles, F16_ON_NVIDIA])] : dawnToggles;
}

/**
 * The entry of an adapter in Dawn's list. Dawn's `description` describes the driver, so the entry is
 * found by `device`: the name in lower case, with hyphens.
 */
function listedAs(
  { device }: GPUAdapterInfo,
  listed: readonly ListedAdapter[],
): ListedAdapter | undefined {
  return listed.find(({ name }) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-') === device);
}

async function findInBrowser(gpu: GPU, options: WebgpuOptions): Promise<FoundAdapter> {
  const { adapter: wanted, powerPreference, dawnToggles = [] } = options;
  if (dawnToggles.length > 0) {
    throw new BackendError(
      `webgpu: expected no dawnToggles where navigator.gpu is, got ${dawnToggles.join(', ')}; start the browser with --enable-dawn-features instead`,
    );
  }
  if (wanted !== undefined) return adapterNamed(wanted, await offeredBy(gpu));
  const adapter = await request(gpu, powerPreference);
  return { adapter, name: nameOf(adapter.info) };
}

/** Browsers cannot enumerate adapters, so request each power preference, and the fallback adapter. */
async function offeredBy(gpu: GPU): Promise<readonly FoundAdapter[]> {
  const requests: readonly GPURequestAdapterOptions[] = [
    { powerPreference: 'high-performance' },
    { powerPreference: 'low-power' },
    { forceFallbackAdapter: true },
  ];
  const offered = new Map<string, FoundAdapter>();
  for (const options of requests) {
    const adapter = await gpu.requestAdapter(options);
    const name = adapter && nameOf(adapter.info);
    if (adapter && name !== null && !offered.has(name)) offered.set(name, { adapter, name });
  }
  return [...offered.values()];
}

/** @throws BackendError when no adapter has that name */
function adapterNamed<Named extends { readonly name: string }>(
  wanted: string,
  found: readonly Named[],
): Named {
  if (found.length === 0) throw noneFound();
  const chosen = found.find(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
  if (chosen) return chosen;
  const names = found.map(({ name }) => name).join(', ');
  throw new BackendError(
    `webgpu: expected an adapter whose name contains "${wanted}", got ${names}`,
  );
}

/** @throws BackendError when there is no adapter, or the request fails */
async function request(
  gpu: GPU,
  powerPreference: WebgpuOptions['powerPreference'],
): Promise<GPUAdapter> {
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter(powerPreference ? { powerPreference } : {});
  } catch (cause) {
    throw new BackendError(`webgpu: expected a GPU adapter, got: ${reasonOf(cause)}`, { cause });
  }
  if (!adapter) throw noneFound();
  return adapter;
}

function noneFound(): BackendError {
  const hint = inNode
    ? 'install a Vulkan, Metal or Direct3D 12 driver'
    : 'check how the browser reports its GPU (in Chromium, at chrome://gpu)';
  return noAdapter(`none; ${hint}`);
}
