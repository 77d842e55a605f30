import { describe, inject } from 'vitest';
import { openAdapter } from '../src/backends/webgpu/adapter/adapter.js';
import { reasonOf } from '../src/errors.js';

/** The adapter's features, or why there is no adapter. */
const { features, missing } = await probe();

async function probe(): Promise<{ features: ReadonlySet<string>; missing?: string }> {
  try {
    const { device, close } = await openAdapter();
    const features = new Set(device.features);
    await close();
    return { features };
  } catch (error) {
    if (inject('webgpuIsRequired')) throw error;
    return { features: new Set(), missing: reasonOf(error) };
  }
}

/**
 * A suite that needs a GPU, optionally with a feature. Without one the suite is skipped, with the reason
 * in its name.
 */
export function describeWithGpu(title: string, suite: () => void, feature?: GPUFeatureName): void {
  const reason = missing ?? (feature && !features.has(feature) ? `no ${feature}` : undefined);
  if (reason === undefined) describe(title, suite);
  else describe.skip(`${title} (${reason})`, suite);
}
