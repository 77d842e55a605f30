import { BackendError } from '../../errors.js';
import type { Device } from '../device.js';
import { type Adapter, openAdapter } from './adapter/adapter.js';
import type { WebgpuOptions } from './adapter/options.js';
import { openCuts } from './gemm/tiling-cache.js';
import { WebgpuDevice } from './webgpu-device.js';

/**
 * Opens a GPU.
 *
 * @throws BackendError when there is none, or none that has what options ask for
 */
export async function createWebgpuDevice(options: WebgpuOptions = {}): Promise<Device> {
  return openDevice(await openAdapter(options), options);
}

/**
 * Opens a GPU that is one, as `auto` wants it.
 *
 * @throws BackendError when there is none, or only software that stands in for one
 */
export async function createHardwareDevice(options: WebgpuOptions = {}): Promise<Device> {
  const adapter = await openAdapter(options);
  if (!adapter.isSoftware) return openDevice(adapter, options);
  await adapter.close();
  throw new BackendError(`webgpu: ${adapter.info.build} computes on the CPU: not considered`);
}

async function openDevice(adapter: Adapter, options: WebgpuOptions): Promise<Device> {
  const { subgroups, precision, tiles } = options;
  try {
    if (subgroups) expectFeature(adapter, 'subgroups', 'the option subgroups');
    if (precision === 'f16') expectFeature(adapter, 'shader-f16', 'the precision f16');
    const { build } = adapter.info;
    const numbers = precision === 'f16' ? precision : 'float32';
    const measured = tiles === 'measured' ? await openCuts(build, numbers) : undefined;
    return new WebgpuDevice(adapter, options, measured);
  } catch (error) {
    await adapter.close();
    throw error;
  }
}

function expectFeature({ device, info }: Adapter, feature: GPUFeatureName, option: string): void {
  if (device.features.has(feature)) return;
  throw new BackendError(
    `webgpu: expected an adapter with ${feature}, got ${info.build} without; leave ${option} out`,
  );
}
