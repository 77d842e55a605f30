import { BackendError } from '../errors.js';
import { Backend } from './backend.js';
import type { BackendName } from './device.js';
import { type Precision, ReferenceDevice } from './reference.js';
import { supportedBuilds } from './wasm/module.js';
import { createWasmDevice, type WasmOptions } from './wasm/wasm.js';
import type { WebgpuOptions } from './webgpu/options.js';

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
 * @param choice `wasm` for the CPU at speed, `reference` for plain TypeScript loops, `auto` for the
 *   fastest that this engine has
 * @throws BackendError when the engine lacks what the backend needs, or the name is unknown
 * @example await using backend = await createBackend('auto');
 */
export async function createBackend(
  choice: BackendChoice = 'auto',
  options: BackendOptions = {},
): Promise<Backend> {
  switch (choice) {
    case 'auto':
      return createBackend(await fastestBackend(), options);
    case 'wasm':
      return new Backend(await createWasmDevice(options));
    case 'webgpu': {
      // Its shaders are loaded by those who use them.
      const { createWebgpuDevice } = await import('./webgpu/webgpu.js');
      return new Backend(await createWebgpuDevice(options));
    }
    case 'reference':
      return new Backend(
        new ReferenceDevice(options.precision === 'float64' ? 'float64' : 'float32'),
      );
    default:
      throw new BackendError(
        `createBackend: expected ${BACKEND_NAMES.join(', ')}, got ${choice satisfies never}`,
      );
  }
}

async function fastestBackend(): Promise<BackendName> {
  return (await supportedBuilds()).length > 0 ? 'wasm' : 'reference';
}
