import { BackendError } from '../../errors.js';
import { inNode } from '../../node.js';
import type { BackendInfo } from '../device.js';
import type { WebgpuOptions } from './options.js';

/** An open GPU. */
export interface Adapter {
  readonly device: GPUDevice;
  readonly info: BackendInfo;
  close(): Promise<void>;
}

/** Adapters that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i;

/** What is asked of every adapter that has it; `device.features` then tells. */
const USEFUL: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups', 'shader-f16'];

/**
 * Opens the system's GPU: the browser's, or Dawn's in Node.
 *
 * @throws BackendError when there is none
 */
export async function openAdapter({
  powerPreference,
  dawnToggles = [],
}: WebgpuOptions = {}): Promise<Adapter> {
  const gpu = await findGpu(dawnToggles);
  const adapter = await gpu.requestAdapter(powerPreference ? { powerPreference } : {});
  if (!adapter) {
    throw new BackendError(
      'webgpu: expected a GPU adapter, got none; install a Vulkan, Metal or Direct3D 12 driver, or use the wasm backend',
    );
  }
  const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
    requiredFeatures: USEFUL.filter((feature) => adapter.features.has(feature)),
  });
  return {
    device,
    info: describeAdapter(adapter.info),
    async close() {
      device.destroy();
    },
  };
}

/** What an adapter says of itself, in a name, and in a note if it is no GPU at all. */
export function describeAdapter({
  vendor,
  architecture,
  description,
}: Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'description'>): BackendInfo {
  const name = description || [vendor, architecture].filter((part) => part !== '').join(' ');
  const isSoftware = SOFTWARE.test(`${name} ${vendor} ${architecture}`);
  const notes = isSoftware ? [`${name} computes on the CPU: the wasm backend is faster.`] : [];
  return { backend: 'webgpu', build: name || 'unknown adapter', threads: 1, notes };
}

/** Dawn's entries by their toggles; they have to outlive all that comes of them. */
const dawnGpus = new Map<string, GPU>();

/** @throws BackendError where WebGPU is missing */
async function findGpu(dawnToggles: readonly string[]): Promise<GPU> {
  if (typeof navigator !== 'undefined' && navigator.gpu) return navigator.gpu;
  if (!inNode) {
    throw new BackendError(
      'webgpu: expected navigator.gpu, got a browser without WebGPU, or a page that is not secure; use the wasm backend',
    );
  }
  const toggles = dawnToggles.join(',');
  let gpu = dawnGpus.get(toggles);
  if (!gpu) {
    const dawn = await importDawn();
    Object.assign(globalThis, dawn.globals);
    gpu = dawn.create(toggles === '' ? [] : [`enable-dawn-features=${toggles}`]);
    dawnGpus.set(toggles, gpu);
  }
  return gpu;
}

interface Dawn {
  create(options: readonly string[]): GPU;
  readonly globals: Readonly<Record<string, unknown>>;
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
