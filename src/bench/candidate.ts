import type { Backend } from '../numerics/backend.js';
import type { BackendOptions } from '../numerics/create-backend.js';

/** A backend to be measured. */
export interface Candidate {
  readonly backend: Backend;
  /** Distinguishes it from other candidates of the same build, such as `without bounds checks`. */
  readonly variant?: string;
  /** Opens another backend with the same options, with nothing compiled yet; the caller closes it. */
  open(): Promise<Backend>;
}

/** Options of webgpu to compare with its defaults, and the names of these variants. */
export const WEBGPU_VARIANTS = {
  withoutRobustness: {
    variant: 'without bounds checks',
    options: { dawnToggles: ['disable_robustness'] },
  },
  measuredTiles: { variant: 'measured tiles', options: { tiles: 'measured' } },
  subgroups: { variant: 'subgroups', options: { subgroups: true } },
  f16: { variant: 'f16', options: { precision: 'f16' } },
} as const satisfies Readonly<Record<string, { variant: string; options: BackendOptions }>>;

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
