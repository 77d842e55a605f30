import type { BackendInfo } from '../../backends/runtime.js';
import type { Backend } from '../../numerics/backend.js';
import { SINGLE_OPS, type SingleOp } from '../../numerics/single-op-names.js';
import { ASYNC_DISPOSE } from '../../platform/async-dispose.js';
import { type Channel, registerProxy } from './channel.js';

/** A backend in a worker, with the methods of `Backend`. */
export interface WorkerBackend extends Pick<Backend, SingleOp | 'info' | 'close'> {
  [ASYNC_DISPOSE](): Promise<void>;
}

/** The proxy of a backend in a worker. */
export class RemoteBackend {
  /** Keeps Vue from wrapping this object in a proxy, which cannot read private fields. */
  readonly __v_skip = true;
  info: BackendInfo;
  readonly #channel: Channel;
  readonly #object: number;
  #closing: Promise<void> | undefined;

  constructor(channel: Channel, object: number, info: BackendInfo) {
    this.#channel = channel;
    this.#object = object;
    this.info = info;
    registerProxy(this, channel, object);
    for (const method of SINGLE_OPS) {
      const call = (...args: readonly unknown[]) => channel.call(object, method, args);
      Object.defineProperty(this, method, { value: call });
    }
  }

  close(): Promise<void> {
    if (!this.#channel.hasEnded) {
      this.#closing ??= this.#channel.call(this.#object, 'close', []) as Promise<void>;
    }
    return this.#closing ?? Promise.resolve();
  }

  [ASYNC_DISPOSE](): Promise<void> {
    return this.close();
  }
}
