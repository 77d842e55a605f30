import type { PlatformSignal } from '../platform/types.js';
import { promiseWithResolvers } from './promises.js';

/** A pause that tasks await at points of their own choice. */
export class Pause {
  #pause: ReturnType<typeof promiseWithResolvers> | undefined;

  /** Whether tasks are to wait. */
  get isOn(): boolean {
    return this.#pause !== undefined;
  }

  /** Makes tasks wait until `end`. */
  begin(): void {
    this.#pause ??= promiseWithResolvers();
  }

  end(): void {
    this.#pause?.resolve();
    this.#pause = undefined;
  }

  /** Resolves when there is no pause, or when the signal is aborted. */
  async wait(signal?: PlatformSignal): Promise<void> {
    while (this.#pause && !signal?.aborted) {
      const { promise, resolve } = promiseWithResolvers();
      this.#pause.promise.then(resolve);
      signal?.addEventListener('abort', resolve);
      await promise;
      signal?.removeEventListener('abort', resolve);
    }
  }
}
