import { BackendError } from '../../../errors.js';
import { MAX_GROUPS } from '../kernels/passes.js';
import { WORKGROUP } from '../shaders/constants.js';

/** Bytes of workgroup memory that shaders use at most; the default limit of WebGPU. */
const WORKGROUP_MEMORY = 16_384;
/** Most storage buffers that a call binds: its tensors, and scratch memory if it has any. */
const STORAGE_BUFFERS = 8;
/** Largest parameter block of a call, in bytes. */
const PARAMETER_BYTES = 256;

/** Limits that the shaders need. */
export const NEEDED_LIMITS = {
  maxComputeInvocationsPerWorkgroup: WORKGROUP,
  maxComputeWorkgroupSizeX: WORKGROUP,
  maxComputeWorkgroupsPerDimension: MAX_GROUPS,
  maxComputeWorkgroupStorageSize: WORKGROUP_MEMORY,
  maxStorageBuffersPerShaderStage: STORAGE_BUFFERS,
  maxUniformBufferBindingSize: PARAMETER_BYTES,
} as const satisfies Partial<Record<keyof GPUSupportedLimits, number>>;

/** Limits requested as high as the adapter supports them, for large tensors. */
const RAISED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/**
 * Why shaders cannot run on an adapter, as one sentence; undefined if they can.
 *
 * @param name the adapter's name
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

/** The limits to request. Those in NEEDED_LIMITS are WebGPU's defaults, which need no request. */
export function requiredLimits(limits: GPUSupportedLimits): Record<string, number> {
  return Object.fromEntries(RAISED_LIMITS.map((limit) => [limit, limits[limit]]));
}
