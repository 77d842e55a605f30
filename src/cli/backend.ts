import type { Backend } from '../backends/backend.js';
import { createBackend } from '../backends/create.js';
import type { BackendInfo } from '../backends/device.js';
import { BackendError } from '../errors.js';
import { formatCounted } from './format.js';
import type { BackendOptions } from './options.js';

/**
 * Runs `task` on the backend that the options name, and closes it.
 *
 * @throws BackendError when the engine lacks what the backend needs, or for more than one thread
 */
export async function withBackend<Result>(
  { backend: choice, threads }: BackendOptions,
  task: (backend: Backend) => Promise<Result>,
): Promise<Result> {
  if (threads > 1) {
    throw new BackendError(`threads: expected 1, got ${threads}; this version runs on one thread`);
  }
  const backend = await createBackend(choice);
  try {
    return await task(backend);
  } finally {
    await backend.close();
  }
}

/** `wasm (relaxed, 1 thread)`. */
export function formatBackend({ backend, build, threads }: BackendInfo): string {
  return `${backend} (${build}, ${formatCounted(threads, 'thread')})`;
}
