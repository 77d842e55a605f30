import { BackendError } from '../../../errors.js';
import { OPS, type OpName } from '../../../ops/registry.js';
import { definitionOf } from '../../../step.js';
import { usesScratch } from '../kernels/kernels.js';
import { MOST_GROUPS, WORKGROUP } from '../kernels/passes.js';

/** Bytes of workgroup memory that shaders may count on; every device of WebGPU's core has them. */
const WORKGROUP_MEMORY = 16_384;
/** Bytes of a call's sizes and attributes, which lie this far apart. */
const PARAMETERS = 256;

/** What the shaders need of a device. */
export const NEEDED_LIMITS = {
  maxComputeInvocationsPerWorkgroup: WORKGROUP,
  maxComputeWorkgroupSizeX: WORKGROUP,
  maxComputeWorkgroupsPerDimension: MOST_GROUPS,
  maxComputeWorkgroupStorageSize: WORKGROUP_MEMORY,
  maxStorageBuffersPerShaderStage: Math.max(...Object.keys(OPS).map(storageBuffersOf)),
  maxUniformBufferBindingSize: PARAMETERS,
} as const satisfies Partial<Record<keyof GPUSupportedLimits, number>>;

/** What a device is asked to have as much of as its adapter: tensors take what there is. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** Tensors that a call of the op binds, and what its passes leave for each other. */
function storageBuffersOf(op: string): number {
  const { outputs, inputs } = definitionOf(op as OpName);
  return outputs.length + inputs.length + (usesScratch(op as OpName) ? 1 : 0);
}

/**
 * Why shaders cannot run on an adapter: one sentence, or nothing if they can.
 *
 * @param name what the adapter is called
 */
export function whyUnfit(name: string, limits: GPUSupportedLimits): string | undefined {
  for (const [limit, needed] of Object.entries(NEEDED_LIMITS)) {
    const offered = limits[limit as keyof typeof NEEDED_LIMITS];
    if (offered >= needed) continue;
    return `expected an adapter with ${limit} of at least ${needed}, got ${offered} (${name})`;
  }
  return undefined;
}

/** @throws BackendError when shaders cannot run on the adapter */
export function expectFit(name: string, limits: GPUSupportedLimits): void {
  const reason = whyUnfit(name, limits);
  if (reason === undefined) return;
  throw new BackendError(`webgpu: ${reason}; use another adapter, or the wasm backend`);
}

/** What to ask a device for. The limits that are needed every device has unasked. */
export function requiredLimits(limits: GPUSupportedLimits): Record<string, number> {
  return Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, limits[limit]]));
}
