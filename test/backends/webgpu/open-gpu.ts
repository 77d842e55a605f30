import { openAdapter } from '../../../src/backends/webgpu/adapter/adapter.js';
import { WebgpuRuntime } from '../../../src/backends/webgpu/webgpu-runtime.js';
import { Backend } from '../../../src/numerics/backend.js';

/** Opens the webgpu backend, with its device and Dawn's. */
export async function open() {
  const adapter = await openAdapter();
  const device = new WebgpuRuntime(adapter);
  return { gpu: adapter.device, device, backend: new Backend(device) };
}
