import { BackendError } from '../../../errors.js';
import type { BackendInfo } from '../../device.js';
import { checkOptions } from './check-options.js';
import { type AdapterWords, findAdapter, findAdapters, nameOf } from './find-adapter.js';
import { expectFit, requiredLimits, whyUnfit } from './limits.js';
import type { WebgpuOptions } from './options.js';

/** An open GPU. */
export interface Adapter {
  readonly device: GPUDevice;
  readonly info: BackendInfo;
  /** Whether it computes on the CPU. */
  readonly isSoftware: boolean;
  close(): Promise<void>;
}

/** What an adapter offers, and why it will not do if it does not. */
export interface AdapterReport {
  readonly name: string;
  /** What it is reached through, as far as that is known: `vulkan`, `metal`, … */
  readonly api?: string;
  /** Whether it computes on the CPU. */
  readonly isSoftware: boolean;
  /** The driver, or what else it says of itself. */
  readonly description: string;
  /** Of the features that kernels and timings may use, those that it has. */
  readonly features: readonly string[];
  readonly limits: GPUSupportedLimits;
  readonly rejected?: string;
}

/** Adapters that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render/i;

/** What is asked of every adapter that has it; `device.features` then tells. */
const USEFUL: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups', 'shader-f16'];

/**
 * Opens the system's GPU: the browser's, or Dawn's in Node.
 *
 * @throws BackendError when there is none, none as the options want it, or one that offers too little
 */
export async function openAdapter(options: WebgpuOptions = {}): Promise<Adapter> {
  checkOptions(options);
  const { adapter, name } = await findAdapter(options);
  const info = describeAdapter(adapter.info, name);
  expectFit(info.build, adapter.limits);
  const device = await openDevice(info.build, adapter);
  return {
    device,
    info,
    isSoftware: isSoftware(adapter.info, info.build),
    async close() {
      device.destroy();
    },
  };
}

/** @throws BackendError with the reason when the adapter refuses */
async function openDevice(name: string, adapter: GPUAdapter): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice({
      requiredLimits: requiredLimits(adapter.limits),
      requiredFeatures: usefulFeatures(adapter),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(
      `webgpu: expected ${name} to open, got: ${reason}; another program may be using all of it`,
      { cause },
    );
  }
}

/**
 * Every adapter of this machine.
 *
 * @throws BackendError where WebGPU is missing
 */
export async function listAdapters(): Promise<readonly AdapterReport[]> {
  return (await findAdapters()).map(({ adapter, name, api }) => {
    const rejected = whyUnfit(name, adapter.limits);
    return {
      name,
      ...(api !== undefined && { api }),
      isSoftware: isSoftware(adapter.info, name),
      description: adapter.info.description,
      features: usefulFeatures(adapter),
      limits: adapter.limits,
      ...(rejected !== undefined && { rejected }),
    };
  });
}

/** What an adapter is called, and a note if it is no GPU at all. */
export function describeAdapter(info: AdapterWords, called = nameOf(info)): BackendInfo {
  const name = called || 'unknown adapter';
  const notes = isSoftware(info, name)
    ? [`${name} computes on the CPU: the wasm backend is faster.`]
    : [];
  return { backend: 'webgpu', build: name, threads: 1, notes };
}

function isSoftware({ vendor, architecture, isFallbackAdapter }: AdapterWords, name: string) {
  return isFallbackAdapter === true || SOFTWARE.test(`${name} ${vendor} ${architecture}`);
}

function usefulFeatures({ features }: GPUAdapter): GPUFeatureName[] {
  return USEFUL.filter((feature) => features.has(feature));
}
