import type { Contender } from '../../../bench/contender.js';
import type { BackendName } from '../../backends/device.js';
import { type BackendOptions, createBackend } from '../../numerics/create-backend.js';
import { UsageError } from '../failure.js';

export interface ContenderOptions {
  readonly backends: readonly BackendName[];
  readonly threads: readonly number[];
  readonly revectorize?: true;
  /** Which GPU webgpu takes. */
  readonly adapter?: string;
  /** With which of its options webgpu takes part once more. */
  readonly withoutRobustness?: true;
  readonly measuredTiles?: true;
  readonly subgroups?: true;
  readonly f16?: true;
}

/** Options of webgpu that are worth comparing, by the flags that ask for them. */
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
  name: keyof ContenderOptions;
  flag: string;
  variant: string;
  options: BackendOptions;
}[];

interface Entry {
  readonly backend: BackendName;
  readonly options: BackendOptions;
  readonly variant?: string;
}

/**
 * Opens every backend that is to be timed, wasm once for each number of threads. Add what is opened
 * to `contenders`: if one cannot be opened, those before it are still to be closed.
 *
 * @throws UsageError for options of a GPU without one, BackendError when one cannot be opened
 */
export async function openContenders(
  contenders: Contender[],
  options: ContenderOptions,
): Promise<void> {
  for (const { backend, variant, options: own } of entriesOf(options)) {
    const open = () => createBackend(backend, own);
    contenders.push({
      backend: await open(),
      open,
      ...(variant !== undefined && { variant }),
    });
  }
}

function entriesOf({ backends, threads, ...options }: ContenderOptions): Entry[] {
  const revectorize = options.revectorize === true;
  const asked = VARIANTS.filter(({ name }) => options[name]);
  if (asked.length > 0 && !backends.includes('webgpu')) {
    throw new UsageError(
      `bench: expected ${asked[0].flag} with the backend webgpu, got ${backends.join(', ')}; name it with --backends wasm,webgpu`,
    );
  }
  const gpu = options.adapter === undefined ? {} : { adapter: options.adapter };
  const variants = asked.map(({ variant, options: own }): Entry => {
    return { backend: 'webgpu', options: { ...gpu, ...own }, variant };
  });
  return backends.flatMap((backend): Entry[] => {
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
