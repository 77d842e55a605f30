import type { Contender } from '../../bench/contender.js';
import { type BackendOptions, createBackend } from '../backends/create.js';
import type { BackendName } from '../backends/device.js';
import { UsageError } from './failure.js';

export interface ContenderOptions {
  readonly backends: readonly BackendName[];
  readonly threads: readonly number[];
  readonly revectorize?: true;
  /** Which GPU webgpu takes. */
  readonly adapter?: string;
  /** Whether webgpu takes part twice, the second time without bounds checks. */
  readonly withoutRobustness?: true;
}

interface Entry {
  readonly backend: BackendName;
  readonly options: BackendOptions;
  readonly variant?: string;
}

/** Dawn's toggle for shaders that do not check whether an index is within its buffer. */
const UNCHECKED = { dawnToggles: ['disable_robustness'] };

/**
 * Opens every backend that is to be timed, wasm once for each number of threads. Add what is opened
 * to `contenders`: if one cannot be opened, those before it are still to be closed.
 *
 * @throws UsageError for bounds checks of no GPU, BackendError when one cannot be opened
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
  const withoutRobustness = options.withoutRobustness === true;
  if (withoutRobustness && !backends.includes('webgpu')) {
    throw new UsageError(
      `bench: expected --without-robustness with the backend webgpu, got ${backends.join(', ')}; name it with --backends wasm,webgpu`,
    );
  }
  const gpu = options.adapter === undefined ? {} : { adapter: options.adapter };
  const unchecked: Entry = {
    backend: 'webgpu',
    options: { ...gpu, ...UNCHECKED },
    variant: 'without bounds checks',
  };
  return backends.flatMap((backend): Entry[] => {
    switch (backend) {
      case 'wasm':
        return threads.map((count) => ({ backend, options: { threads: count, revectorize } }));
      case 'webgpu':
        return [{ backend, options: gpu }, ...(withoutRobustness ? [unchecked] : [])];
      case 'reference':
        return [{ backend, options: {} }];
      default:
        return backend satisfies never;
    }
  });
}
