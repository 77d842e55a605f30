import { loadBuild } from '../../backends/wasm/module.js';
import { BackendError } from '../../errors.js';
import { afterDrop, cancelAfterDrop } from '../../platform/dropped.js';
import { errorFrom, plainError } from '../errors.js';
import { type Handle, LOAD_BUILD, type Outcome, type ToClient } from '../protocol.js';
import { marshal } from './marshal.js';
import { isDataset, SentDatasets } from './sent-datasets.js';
import { type HostWorker, startHost } from './start.js';

/** Objects of the host, by their proxies in this thread. */
const objects = new WeakMap<object, { readonly channel: Channel; readonly object: number }>();

/** Registers a proxy for an object of a channel's host. */
export function registerProxy(proxy: object, channel: Channel, object: number): void {
  objects.set(proxy, { channel, object });
}

/** Whether an object is a proxy for one of a channel's host. */
export function isProxyOf(channel: Channel, proxy: object): boolean {
  return objects.get(proxy)?.channel === channel;
}

/** Callbacks, datasets and listeners of a call, until its answer. */
class Resources {
  readonly callbacks: number[] = [];
  readonly datasets: number[] = [];
  readonly stopListening: (() => void)[] = [];
}

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  readonly resources: Resources;
}

type Callback = (...args: readonly unknown[]) => unknown;

/** Channels with calls in progress: their callers may hold nothing but a promise. */
const busy = new Set<Channel>();

/** Calls to the host of a worker, and its answers. The worker ends when its channel is dropped. */
export class Channel {
  readonly #worker: HostWorker;
  readonly #datasets: SentDatasets;
  readonly #pending = new Map<number, Pending>();
  readonly #callbacks = new Map<
    number,
    { readonly call: Callback; readonly datasets: readonly number[] }
  >();
  /** Values that callbacks threw and reasons of signals, by number, until no call is in progress. */
  readonly #thrown = new Map<number, unknown>();
  readonly #onInfo: (object: number, info: unknown) => void;
  #count = 0;
  #ended: string | undefined;

  private constructor(worker: HostWorker, onInfo: (object: number, info: unknown) => void) {
    this.#worker = worker;
    this.#datasets = new SentDatasets((message, transfer) => worker.post(message, transfer));
    this.#onInfo = onInfo;
    this.#callbacks.set(LOAD_BUILD, { call: loadBuild as Callback, datasets: [] });
    afterDrop(this, () => worker.terminate().catch(() => {}));
  }

  /**
   * Starts a worker.
   *
   * @param onInfo called when the info of a backend has changed
   * @throws BackendError when none starts
   */
  static async open(onInfo: (object: number, info: unknown) => void): Promise<Channel> {
    // The engine holds the worker, which must not hold the channel.
    let opened: WeakRef<Channel> | undefined;
    const worker = await startHost({
      onMessage(message) {
        const channel = opened?.deref();
        if (channel) channel.#receive(message);
      },
      onEnd(reason) {
        const channel = opened?.deref();
        if (channel) channel.#end(reason);
      },
    });
    const channel = new Channel(worker, onInfo);
    opened = new WeakRef(channel);
    return channel;
  }

  /**
   * Calls a function of the library, or a method of one of its objects.
   *
   * @throws the error of the call, in this thread's class
   */
  async call(object: number, method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#ended !== undefined) throw ended(method, this.#ended);
    const resources = new Resources();
    const id = ++this.#count;
    const answer = new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, resources });
    });
    this.#worker.keepAlive(true);
    busy.add(this);
    try {
      const message = marshal(args, (value) => this.#handleOf(value, resources));
      this.#worker.post({ type: 'call', id, object, method, ...message }, []);
    } catch (error) {
      this.#settle(id);
      throw error;
    }
    return answer;
  }

  /** Whether the worker has ended, and everything in it with it. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Tells the host that nobody uses one of its objects any more. */
  forget(object: number): void {
    if (this.#ended === undefined) this.#worker.post({ type: 'forget', object }, []);
  }

  /** Ends the worker, and rejects the calls in progress. */
  async close(): Promise<void> {
    cancelAfterDrop(this);
    this.#end('the library was closed');
    await this.#worker.terminate();
  }

  #receive(message: ToClient): void {
    switch (message.type) {
      case 'ready':
        break;
      case 'answer':
        this.#answer(message.id, message);
        break;
      case 'callback':
        this.#callBack(message);
        break;
      case 'info':
        this.#onInfo(message.object, message.info);
        break;
      default:
        message satisfies never;
    }
  }

  #answer(id: number, outcome: Outcome): void {
    const error = 'error' in outcome ? this.#original(outcome.error) : undefined;
    const pending = this.#settle(id);
    if ('error' in outcome) pending?.reject(error);
    else pending?.resolve(outcome.value);
  }

  /** The value itself that a callback threw or a signal gave in this thread, or an error like the host's. */
  #original(error: Parameters<typeof errorFrom>[0]): unknown {
    if (error.thrown === undefined || !this.#thrown.has(error.thrown)) return errorFrom(error);
    return this.#thrown.get(error.thrown);
  }

  async #callBack({ id, callback, args }: Extract<ToClient, { type: 'callback' }>): Promise<void> {
    const known = this.#callbacks.get(callback);
    let outcome: Outcome;
    try {
      const value = await known?.call(...args);
      // A callback of the program may return false to stop a run; other results are not used.
      const matters = value === false || callback === LOAD_BUILD;
      this.#datasets.refresh(known?.datasets ?? []);
      outcome = { value: matters ? value : undefined };
    } catch (error) {
      outcome = { error: plainError(error, this.#keep(error)) };
    }
    this.#worker.post({ type: 'answer', id, ...outcome }, []);
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    // A worker of a page runs on after an uncaught error.
    void this.#worker.terminate();
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(ended('worker', this.#ended));
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    for (const callback of pending?.resources.callbacks ?? []) this.#callbacks.delete(callback);
    for (const stopListening of pending?.resources.stopListening ?? []) stopListening();
    if (this.#pending.size === 0) {
      this.#thrown.clear();
      this.#worker.keepAlive(false);
      busy.delete(this);
    }
    return pending;
  }

  /** The handle of a value that cannot travel. */
  #handleOf(value: object, resources: Resources): Handle | undefined {
    if (typeof value === 'function') return this.#callbackHandle(value as Callback, resources);
    const known = objects.get(value);
    if (known?.channel === this) return { object: known.object };
    if (isSignal(value)) return this.#signalHandle(value, resources);
    if (!isDataset(value)) return undefined;
    const dataset = this.#datasets.send(value);
    resources.datasets.push(dataset);
    return { dataset };
  }

  #callbackHandle(call: Callback, { callbacks, datasets }: Resources): Handle {
    const callback = ++this.#count;
    // The list of datasets is complete when the callback is first called.
    this.#callbacks.set(callback, { call, datasets });
    callbacks.push(callback);
    return { callback };
  }

  #signalHandle(signal: AbortSignal, { stopListening }: Resources): Handle {
    const number = ++this.#count;
    const reason = () => plainError(signal.reason, this.#keep(signal.reason));
    if (signal.aborted) return { signal: number, reason: reason() };
    const abort = () => this.#worker.post({ type: 'abort', signal: number, reason: reason() }, []);
    signal.addEventListener('abort', abort);
    stopListening.push(() => signal.removeEventListener('abort', abort));
    return { signal: number };
  }

  /** Keeps a value that the host may throw; returns its number. */
  #keep(thrown: unknown): number {
    const number = ++this.#count;
    this.#thrown.set(number, thrown);
    return number;
  }
}

function isSignal(value: object): value is AbortSignal {
  return 'aborted' in value && typeof (value as AbortSignal).addEventListener === 'function';
}

function ended(operation: string, reason: string): BackendError {
  return new BackendError(`${operation}: expected the worker to run, got its end: ${reason}`);
}
