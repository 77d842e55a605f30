import type { BackendInfo } from '../backends/runtime.js';
import type { Backend } from '../numerics/backend.js';
import { createBackend } from '../numerics/create-backend.js';
import type { BackendOptions } from './options.js';
import { formatCounted } from './output/format.js';
import { note } from './output/print.js';

/**
 * Opens the backend that the options name, runs `task` on it and closes it.
 *
 * @throws BackendError when the engine lacks what the backend needs
 */
export async function withBackend<Result>(
  { backend: choice, threads, adapter }: BackendOptions,
  task: (backend: Backend) => Promise<Result>,
): Promise<Result> {
  const backend = await createBackend(choice, {
    ...(threads !== undefined && { threads }),
    ...(adapter !== undefined && { adapter }),
  });
  try {
    if (choice === 'webgpu') backend.info.notes.forEach(note);
    return await task(backend);
  } finally {
    await backend.close();
  }
}

/** `wasm (relaxed, 1 thread)`, or `webgpu (NVIDIA H200)`. */
export function formatBackend({ backend, build, threads }: BackendInfo): string {
  if (backend === 'webgpu') return `${backend} (${build})`;
  return `${backend} (${build}, ${formatCounted(threads, 'thread')})`;
}
