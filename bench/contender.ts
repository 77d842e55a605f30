import type { Backend } from '../src/numerics/backend.js';

/** A backend that takes part. */
export interface Contender {
  readonly backend: Backend;
  /** What tells it from others of the same build, such as `without bounds checks`. */
  readonly variant?: string;
  /** Another backend like it, on which nothing has been compiled yet; the caller closes it. */
  open(): Promise<Backend>;
}

/** How a result names the contender that it was measured on. */
export function identify({ backend: { info }, variant }: Contender) {
  const { backend, build, threads } = info;
  return { backend, build, threads, ...(variant !== undefined && { variant }) };
}

interface Identity {
  readonly backend: string;
  readonly build: string;
  readonly threads: number;
  readonly variant?: string;
}

/** `wasm relaxed, 2`; a GPU has no threads to count. */
export function labelOf({ backend, build, threads, variant }: Identity): string {
  const name = backend === 'webgpu' ? `${backend} ${build}` : `${backend} ${build}, ${threads}`;
  return variant === undefined ? name : `${name}, ${variant}`;
}
