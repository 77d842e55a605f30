import type { Backend } from '../numerics/backend.js';

/** A backend to be measured. */
export interface Candidate {
  readonly backend: Backend;
  /** Distinguishes it from other candidates of the same build, such as `without bounds checks`. */
  readonly variant?: string;
  /** Opens another backend with the same options, with nothing compiled yet; the caller closes it. */
  open(): Promise<Backend>;
}

/** The fields of a result that identify the candidate. */
export function identify({ backend: { info }, variant }: Candidate) {
  const { backend, build, threads } = info;
  return { backend, build, threads, ...(variant !== undefined && { variant }) };
}

interface Identity {
  readonly backend: string;
  readonly build: string;
  readonly threads: number;
  readonly variant?: string;
}

/** `wasm relaxed, 2`; without a number of threads for a GPU. */
export function labelOf({ backend, build, threads, variant }: Identity): string {
  const name = backend === 'webgpu' ? `${backend} ${build}` : `${backend} ${build}, ${threads}`;
  return variant === undefined ? name : `${name}, ${variant}`;
}
