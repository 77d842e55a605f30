import { BackendError, reasonOf } from '../../../errors.js';
import type { BackendInfo } from '../../runtime.js';
import { findAdapter, findAdapters, nameOf } from './find-adapter.js';
import { expectFit, requiredLimits, whyUnfit } from './limits.js';
import type { WebgpuOptions } from './options.js';
import { type AdapterDescription, isSoftware } from './software.js';

/** An open adapter. */
export interface Adapter {
  readonly device: GPUDevice;
  readonly info: BackendInfo;
  /** Whether it is a software adapter, which computes on the CPU. */
  readonly isSoftware: boolean;
  close(): Promise<void>;
}

/** What an adapter offers, and why it is rejected if it lacks something. */
export interface AdapterReport {
  readonly name: string;
  /** The native API behind it, if known: `vulkan`, `metal`, … */
  readonly api?: string;
  /** Whether it is a software adapter, which computes on the CPU. */
  readonly isSoftware: boolean;
  /** The description in `GPUAdapterInfo`: the driver, in Dawn. */
  readonly description: string;
  /** Its features that kernels and timings can use. */
  readonly features: readonly string[];
  readonly limits: GPUSupportedLimits;
  /** Why shaders cannot run on it. */
  readonly rejected?: string;
}

/** Optional features, requested from every adapter that has them. */
const OPTIONAL: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups', 'shader-f16'];

/**
 * Opens an adapter: from the browser, or from Dawn in Node.
 *
 * @throws BackendError when there is no adapter, none that matches the options, or one whose limits are
 *   too low
 */
export async function openAdapter(options: WebgpuOptions = {}): Promise<Adapter> {
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

/** @throws BackendError with the reason when the adapter cannot open a device */
async function openDevice(name: string, adapter: GPUAdapter): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice({
      requiredLimits: requiredLimits(adapter.limits),
      requiredFeatures: optionalFeatures(adapter),
    });
  } catch (cause) {
    throw new BackendError(
      `webgpu: expected ${name} to open, got: ${reasonOf(cause)}; another program may be using all of it`,
      { cause },
    );
  }
}

/**
 * Reports on every adapter of this machine.
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
      features: optionalFeatures(adapter),
      limits: adapter.limits,
      ...(rejected !== undefined && { rejected }),
    };
  });
}

/** The adapter's name, with a note if it is a software adapter. */
export function describeAdapter(info: AdapterDescription, knownName = nameOf(info)): BackendInfo {
  const name = knownName || 'unknown adapter';
  const notes = isSoftware(info, name)
    ? [`${name} computes on the CPU: the wasm backend is faster.`]
    : [];
  return { backend: 'webgpu', build: name, threads: 1, notes };
}

function optionalFeatures({ features }: GPUAdapter): GPUFeatureName[] {
  return OPTIONAL.filter((feature) => features.has(feature));
}
