import type { Precision } from '../backends/reference.js';
import type { Runtime } from '../backends/runtime.js';
import { chooseBuild } from '../backends/wasm/module.js';
import { WASM_OPTIONS, type WasmOptions } from '../backends/wasm/wasm-options.js';
import { createWasmRuntime } from '../backends/wasm/wasm-runtime.js';
import { WEBGPU_OPTIONS, type WebgpuOptions } from '../backends/webgpu/adapter/options.js';
import { BackendError, reasonOf, shown } from '../errors.js';
import { didYouMean, expectOptions } from '../options.js';
import { Backend } from './backend.js';

/** The choices of `createBackend`. */
export const BACKEND_NAMES = ['auto', 'wasm', 'webgpu', 'reference'] as const;
/** One of `BACKEND_NAMES`. */
export type BackendChoice = (typeof BACKEND_NAMES)[number];

/** Options of all backends; each backend ignores those of the others. */
export interface BackendOptions extends WasmOptions, WebgpuOptions {
  /**
   * `reference` computes in `float64` or `float32` (the default). `webgpu` multiplies matrices in
   * 16-bit floats with `f16`, which is off by default; see `WebgpuOptions`. `wasm` ignores it.
   */
  readonly precision?: Precision | 'f16' | undefined;
}

/**
 * Starts a backend. Each backend but `wasm` loads when it is chosen.
 *
 * `auto` starts on the CPU. Once a training step has run for 100 ms, it opens the GPU, if there is
 * a hardware adapter, times the step on both, and continues on the faster one; `backend.info.notes`
 * has the times. The two backends round differently, so a move changes later results within
 * rounding.
 *
 * @param choice `wasm` for the CPU with SIMD and threads, `webgpu` for the GPU, `reference` for
 *   plain TypeScript loops, `auto` (the default) for the faster of CPU and GPU
 * @throws BackendError when the engine lacks a feature that the backend needs, or `choice` is
 *   unknown; TypeError for an unknown option, or one of another type
 * @example await using backend = await createBackend('auto');
 */
export async function createBackend(
  choice: BackendChoice = 'auto',
  options: BackendOptions = {},
): Promise<Backend> {
  expectOptions('createBackend', options, { ...WASM_OPTIONS, ...WEBGPU_OPTIONS });
  switch (choice) {
    case 'auto':
      return new Backend(await createAutoRuntime(options));
    case 'wasm':
      return new Backend(await createWasmRuntime(options));
    case 'webgpu': {
      const { createWebgpuRuntime } = await import('../backends/webgpu/create-runtime.js');
      return new Backend(await createWebgpuRuntime(options));
    }
    case 'reference':
      return new Backend(await createReferenceRuntime(options));
    default:
      throw new BackendError(
        `createBackend: expected ${BACKEND_NAMES.join(', ')}, got ${shown(choice satisfies never)}${didYouMean(String(choice), BACKEND_NAMES)}`,
      );
  }
}

async function createReferenceRuntime(
  { precision }: BackendOptions,
  notes: readonly string[] = [],
): Promise<Runtime> {
  const { ReferenceRuntime } = await import('../backends/reference.js');
  return new ReferenceRuntime(precision === 'float64' ? precision : 'float32', notes);
}

async function createAutoRuntime(options: BackendOptions): Promise<Runtime> {
  // Loaded before threads start: nothing would end them after a failure.
  const { AutoRuntime } = await import('../backends/auto.js');
  const { whyNoWebgpu } = await import('../backends/webgpu/adapter/availability.js');
  const missing = await whyNoWasm();
  const first = missing
    ? await createReferenceRuntime(options, [
        `auto: the reference backend, which is slow: ${missing}`,
      ])
    : await createWasmRuntime(options);
  const noGpu = await whyNoWebgpu();
  return new AutoRuntime(first, noGpu ?? { name: 'webgpu', open: () => openGpu(options) });
}

/** The reason why there is no wasm backend; undefined if there is one. */
async function whyNoWasm(): Promise<string | undefined> {
  try {
    await chooseBuild(undefined);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

async function openGpu(options: BackendOptions): Promise<Runtime> {
  const { createHardwareRuntime } = await import('../backends/webgpu/create-runtime.js');
  return createHardwareRuntime(options);
}
