import { BackendError, reasonOf } from '../../errors.js';
import { inflate } from '../../platform/inflate.js';
import { inNode } from '../../platform/node.js';
import { type PlatformWorker, startWorker, type WorkerEvents } from '../../platform/worker.js';
import type { ToClient, ToHost } from '../protocol.js';

/** A worker that has the library. */
export interface HostWorker extends PlatformWorker {
  post(message: ToHost, transfer: ArrayBuffer[]): void;
}

const SCRIPT = {
  async text() {
    const { default: base64 } = await import('virtual:host');
    return inflate(base64);
  },
  url: () => new URL('./handgrad-host.js', import.meta.url),
  open: () => new Worker(new URL('./handgrad-host.js', import.meta.url), { type: 'module' }),
};

/**
 * Starts a worker with the library.
 *
 * @throws BackendError when none starts
 */
export async function startHost(events: WorkerEvents<ToClient>): Promise<HostWorker> {
  try {
    return await startWorker<ToClient>(
      {
        script: SCRIPT,
        // In Node, the file finds the packages that are installed beside the library. A page may lack it.
        places: inNode ? ['file', 'module'] : ['module', 'file'],
        isReady: ({ type }) => type === 'ready',
      },
      events,
    );
  } catch (error) {
    throw new BackendError(`openWorker: expected a worker to start, got: ${reasonOf(error)}`);
  }
}
