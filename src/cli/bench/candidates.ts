import type { BackendName } from '../../backends/runtime.js';
import { type Candidate, WEBGPU_VARIANTS } from '../../bench/candidate.js';
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

/** The command-line flag of each variant of webgpu. */
const FLAGS: Readonly<Record<keyof typeof WEBGPU_VARIANTS, string>> = {
  withoutRobustness: '--without-robustness',
  measuredTiles: '--measured-tiles',
  subgroups: '--subgroups',
  f16: '--f16',
};

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
  const names = Object.keys(FLAGS) as (keyof typeof FLAGS)[];
  const chosen = names.filter((name) => options[name]);
  if (chosen.length > 0 && !backends.includes('webgpu')) {
    throw new UsageError(
      `bench: expected ${FLAGS[chosen[0]]} with the backend webgpu, got ${backends.join(', ')}; name it with --backends wasm,webgpu`,
    );
  }
  const gpu = options.adapter === undefined ? {} : { adapter: options.adapter };
  const variants = chosen.map((name): CandidateSettings => {
    const { variant, options: own } = WEBGPU_VARIANTS[name];
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
