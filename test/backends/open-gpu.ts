import { Backend } from '../../src/numerics/backend.js';
import { openAdapter } from '../../src/backends/webgpu/adapter.js';
import { WebgpuDevice } from '../../src/backends/webgpu/webgpu.js';

/** The webgpu backend, and what it stands on. */
export async function open() {
  const adapter = await openAdapter();
  const device = new WebgpuDevice(adapter);
  return { gpu: adapter.device, device, backend: new Backend(device) };
}
