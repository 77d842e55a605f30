import { AutoDevice } from '../backends/auto.js';
import type { Device } from '../backends/device.js';
import { type Precision, ReferenceDevice } from '../backends/reference.js';
import { supportedBuilds } from '../backends/wasm/module.js';
import { createWasmDevice, type WasmOptions } from '../backends/wasm/wasm.js';
import { whyNoWebgpu } from '../backends/webgpu/adapter/availability.js';
import type { WebgpuOptions } from '../backends/webgpu/adapter/options.js';
import { BackendError } from '../errors.js';
import { Backend } from './backend.js';

export const BACKEND_NAMES = ['auto', 'wasm', 'webgpu', 'reference'] as const;
export type BackendChoice = (typeof BACKEND_NAMES)[number];

/** What concerns another backend than the chosen one is ignored. */
export interface BackendOptions extends WasmOptions, WebgpuOptions {
  /**
   * reference: `float64`, or `float32` (the default) as every other backend. webgpu: `f16` for products
   * of 16-bit numbers, off by default; see `WebgpuOptions`.
   */
  readonly precision?: Precision | 'f16';
}

/**
 * Starts a backend.
 *
 * `auto` begins on the CPU. When a training step has run for 100 ms it opens the GPU, if there is a
 * real one, times that step on both, and goes on with the faster; `backend.info` then tells the
 * figures. Results are those of the one before the move and of the other after it, which rounds
 * differently.
 *
 * @param choice `wasm` for the CPU at speed, `webgpu` for the GPU, `reference` for plain TypeScript
 *   loops, `auto` for what is fastest for the model at hand
 * @throws BackendError when the engine lacks what the backend needs, or the name is unknown
 * @example await using backend = await createBackend('auto');
 */
export async function createBackend(
  choice: BackendChoice = 'auto',
  options: BackendOptions = {},
): Promise<Backend> {
  switch (choice) {
    case 'auto':
      return new Backend(await createAutoDevice(options));
    case 'wasm':
      return new Backend(await createWasmDevice(options));
    case 'webgpu': {
      // Its shaders are loaded by those who use them.
      const { createWebgpuDevice } = await import('../backends/webgpu/create-device.js');
      return new Backend(await createWebgpuDevice(options));
    }
    case 'reference':
      return new Backend(createReferenceDevice(options));
    default:
      throw new BackendError(
        `createBackend: expected ${BACKEND_NAMES.join(', ')}, got ${choice satisfies never}`,
      );
  }
}

function createReferenceDevice({ precision }: BackendOptions): Device {
  return new ReferenceDevice(precision === 'float64' ? precision : 'float32');
}

async function createAutoDevice(options: BackendOptions): Promise<Device> {
  const hasSimd = (await supportedBuilds()).length > 0;
  const first = hasSimd ? await createWasmDevice(options) : createReferenceDevice(options);
  const missing = await whyNoWebgpu();
  return new AutoDevice(first, missing ?? { name: 'webgpu', open: () => openGpu(options) });
}

async function openGpu(options: BackendOptions): Promise<Device> {
  const { createHardwareDevice } = await import('../backends/webgpu/create-device.js');
  return createHardwareDevice(options);
}
