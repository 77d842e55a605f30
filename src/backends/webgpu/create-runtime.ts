import { BackendError } from '../../errors.js';
import { inNode } from '../../platform/node.js';
import type { Runtime } from '../runtime.js';
import { type Adapter, openAdapter } from './adapter/adapter.js';
import { navigatorGpu } from './adapter/availability.js';
import type { WebgpuOptions } from './adapter/options.js';
import { openTilingCache } from './gemm/tiling-cache.js';

/**
 * Opens a GPU, or a software adapter where the system has no GPU.
 *
 * @throws BackendError when there is no adapter, or none with the features that the options need
 */
export async function createWebgpuRuntime(options: WebgpuOptions = {}): Promise<Runtime> {
  return openDevice(await openAdapter(options), options);
}

/**
 * Opens a GPU, for the `auto` backend, which never picks a software adapter.
 *
 * @throws BackendError when there is no adapter, or only a software adapter
 */
export async function createHardwareRuntime(options: WebgpuOptions = {}): Promise<Runtime> {
  const software = await softwareInNode(options);
  if (software !== undefined) throw notConsidered(software);
  const adapter = await openAdapter(options);
  if (!adapter.isSoftware) return openDevice(adapter, options);
  await adapter.close();
  throw notConsidered(adapter.info.build);
}

/** The name of the adapter if it is a software adapter, as far as that is known before it is opened. */
async function softwareInNode({ adapter }: WebgpuOptions): Promise<string | undefined> {
  if (!inNode || adapter !== undefined || navigatorGpu()) return undefined;
  const { softwareAdapter } = await import('./adapter/probe.js');
  return softwareAdapter();
}

function notConsidered(name: string): BackendError {
  return new BackendError(`webgpu: ${name} computes on the CPU: not considered`);
}

async function openDevice(adapter: Adapter, options: WebgpuOptions): Promise<Runtime> {
  const { subgroups, precision, tiles } = options;
  try {
    if (subgroups) expectFeature(adapter, 'subgroups', 'the option subgroups');
    if (precision === 'f16') expectFeature(adapter, 'shader-f16', 'the precision f16');
    const { build } = adapter.info;
    const format = precision === 'f16' ? precision : 'float32';
    const cache = tiles === 'measured' ? await openTilingCache(build, format) : undefined;
    // With the shaders, which are large: only for an adapter that is used.
    const { WebgpuRuntime } = await import('./webgpu-runtime.js');
    return new WebgpuRuntime(adapter, options, cache);
  } catch (error) {
    await adapter.close();
    throw error;
  }
}

/** @param option the option that needs the feature, as the message names it */
function expectFeature({ device, info }: Adapter, feature: GPUFeatureName, option: string): void {
  if (device.features.has(feature)) return;
  throw new BackendError(
    `webgpu: expected an adapter with ${feature}, got ${info.build} without; leave ${option} out`,
  );
}
