import type { PlatformSignal } from '../platform/types.js';
import { promiseWithResolvers } from './promises.js';

/** Holds tasks up at a point of their own choice. */
export class Hold {
  #held: ReturnType<typeof promiseWithResolvers> | undefined;

  /** Whether tasks are to wait. */
  get isOn(): boolean {
    return this.#held !== undefined;
  }

  /** Makes tasks wait until `release`. */
  begin(): void {
    this.#held ??= promiseWithResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Resolves when no task is held up, or when the signal is aborted. */
  async wait(signal?: PlatformSignal): Promise<void> {
    while (this.#held && !signal?.aborted) {
      const { promise, resolve } = promiseWithResolvers();
      this.#held.promise.then(resolve);
      signal?.addEventListener('abort', resolve);
      await promise;
      signal?.removeEventListener('abort', resolve);
    }
  }
}
