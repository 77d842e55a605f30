/**
 * The messages between a page or program (the client) and the worker that has the library (the host). Both
 * sides come from the same build, so messages are not validated.
 */

import type { BackendInfo } from '../backends/runtime.js';
import type { Dataset } from '../data/dataset.js';
import type { PlainError } from './errors.js';

/** The number of the library itself; backends and trainers are numbered from 1. */
export const LIBRARY = 0;

/** The callback that loads a build of the core: the script of the worker contains none. */
export const LOAD_BUILD = 0;

/** Stands for a value that cannot travel. */
export type Handle =
  | { readonly callback: number }
  | { readonly dataset: number }
  | { readonly object: number }
  | {
      readonly signal: number;
      /** Present if it was aborted before the call. */
      readonly reason?: PlainError | undefined;
    };

/** A handle, and the keys that lead to its place in the arguments of a call. */
export interface PlacedHandle {
  readonly path: readonly (string | number)[];
  readonly handle: Handle;
}

export type ToHost =
  | {
      readonly type: 'call';
      readonly id: number;
      readonly object: number;
      readonly method: string;
      /** The list of arguments, without those that handles stand for. */
      readonly args: unknown;
      readonly handles: readonly PlacedHandle[];
    }
  /** The answer to a callback. */
  | ({ readonly type: 'answer'; readonly id: number } & Outcome)
  | { readonly type: 'abort'; readonly signal: number; readonly reason: PlainError }
  /** A dataset that calls refer to by its number. */
  | { readonly type: 'dataset'; readonly id: number; readonly dataset: Dataset }
  /** The values of a dataset have changed in place; the arrays are left out if they are shared. */
  | {
      readonly type: 'change';
      readonly id: number;
      readonly arrays?: Pick<Dataset, 'inputs' | 'targets'>;
    }
  /** The client has dropped a dataset or an object. */
  | { readonly type: 'forget'; readonly dataset?: number; readonly object?: number };

export type ToClient =
  /** The host listens. */
  | { readonly type: 'ready' }
  | ({ readonly type: 'answer'; readonly id: number } & Outcome)
  | {
      readonly type: 'callback';
      readonly id: number;
      readonly callback: number;
      readonly args: readonly unknown[];
    }
  /** The info of a backend has changed. */
  | { readonly type: 'info'; readonly object: number; readonly info: BackendInfo };

/** The result of a call, or its error. */
export type Outcome = { readonly value: unknown } | { readonly error: PlainError };

/** A trainer of the host, as a client knows it. */
export interface TrainerAnswer {
  readonly object: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly parameterCount: number;
}
