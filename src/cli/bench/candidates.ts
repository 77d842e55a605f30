import type { BackendName } from '../../backends/runtime.js';
import type { Candidate } from '../../bench/candidate.js';
import { type BackendOptions, createBackend } from '../../numerics/create-backend.js';
import { UsageError } from '../failure.js';

export interface CandidateOptions {
  readonly backends: readonly BackendName[];
  readonly threads: readonly number[];
  readonly revectorize?: true;
  /** The GPU of the webgpu backend. */
  readonly adapter?: string;
  /** Each of these options adds a webgpu candidate. */
  readonly withoutRobustness?: true;
  readonly measuredTiles?: true;
  readonly subgroups?: true;
  readonly f16?: true;
}

/** Options of webgpu that are worth comparing, with their command-line flags. */
const VARIANTS = [
  {
    name: 'withoutRobustness',
    flag: '--without-robustness',
    variant: 'without bounds checks',
    options: { dawnToggles: ['disable_robustness'] },
  },
  {
    name: 'measuredTiles',
    flag: '--measured-tiles',
    variant: 'measured tiles',
    options: { tiles: 'measured' },
  },
  { name: 'subgroups', flag: '--subgroups', variant: 'subgroups', options: { subgroups: true } },
  { name: 'f16', flag: '--f16', variant: 'f16', options: { precision: 'f16' } },
] as const satisfies readonly {
  name: keyof CandidateOptions;
  flag: string;
  variant: string;
  options: BackendOptions;
}[];

interface CandidateSettings {
  readonly backend: BackendName;
  readonly options: BackendOptions;
  readonly variant?: string;
}

/**
 * Opens every backend to be timed, wasm once for each number of threads, and appends it to
 * `candidates`. If one cannot be opened, the caller closes those that were appended before.
 *
 * @throws UsageError for options of webgpu without the backend webgpu, BackendError when a backend
 *   cannot be opened
 */
export async function openCandidates(
  candidates: Candidate[],
  options: CandidateOptions,
): Promise<void> {
  for (const { backend, variant, options: own } of settingsOf(options)) {
    const open = () => createBackend(backend, own);
    candidates.push({
      backend: await open(),
      open,
      ...(variant !== undefined && { variant }),
    });
  }
}

function settingsOf({ backends, threads, ...options }: CandidateOptions): CandidateSettings[] {
  const revectorize = options.revectorize === true;
  const chosen = VARIANTS.filter(({ name }) => options[name]);
  if (chosen.length > 0 && !backends.includes('webgpu')) {
    throw new UsageError(
      `bench: expected ${chosen[0].flag} with the backend webgpu, got ${backends.join(', ')}; name it with --backends wasm,webgpu`,
    );
  }
  const gpu = options.adapter === undefined ? {} : { adapter: options.adapter };
  const variants = chosen.map(({ variant, options: own }): CandidateSettings => {
    return { backend: 'webgpu', options: { ...gpu, ...own }, variant };
  });
  return backends.flatMap((backend): CandidateSettings[] => {
    switch (backend) {
      case 'wasm':
        return threads.map((count) => ({ backend, options: { threads: count, revectorize } }));
      case 'webgpu':
        return [{ backend, options: gpu }, ...variants];
      case 'reference':
        return [{ backend, options: {} }];
      default:
        return backend satisfies never;
    }
  });
}
