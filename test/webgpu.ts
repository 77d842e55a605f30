import { describe, inject } from 'vitest';
import { openAdapter } from '../src/backends/webgpu/adapter.js';

/** Why there is no GPU to test on, if there is none. */
const missing = await whyMissing();

async function whyMissing(): Promise<string | undefined> {
  try {
    await (await openAdapter()).close();
    return undefined;
  } catch (error) {
    if (inject('webgpuIsRequired')) throw error;
    return (error as Error).message;
  }
}

/** A suite that needs a GPU. Where there is none it is skipped, with the reason in its name. */
export function describeWithGpu(title: string, suite: () => void): void {
  if (missing === undefined) describe(title, suite);
  else describe.skip(`${title} (${missing})`, suite);
}
