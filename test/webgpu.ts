import { describe, inject } from 'vitest';
import { openAdapter } from '../src/backends/webgpu/adapter/adapter.js';

/** What the GPU has, or why there is none to test on. */
const { features, missing } = await look();

async function look(): Promise<{ features: ReadonlySet<string>; missing?: string }> {
  try {
    const { device, close } = await openAdapter();
    const features = new Set(device.features);
    await close();
    return { features };
  } catch (error) {
    if (inject('webgpuIsRequired')) throw error;
    return { features: new Set(), missing: (error as Error).message };
  }
}

/**
 * A suite that needs a GPU, and perhaps one with some feature. Where there is none it is skipped, with
 * the reason in its name.
 */
export function describeWithGpu(title: string, suite: () => void, feature?: GPUFeatureName): void {
  const reason = missing ?? (feature && !features.has(feature) ? `no ${feature}` : undefined);
  if (reason === undefined) describe(title, suite);
  else describe.skip(`${title} (${reason})`, suite);
}
