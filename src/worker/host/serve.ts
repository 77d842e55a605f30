import { type loadBuild, loadBuildsBy } from '../../backends/wasm/module.js';
import type { Dataset } from '../../data/dataset.js';
import { touch } from '../../data/fingerprint.js';
import { errorFrom, plainError } from '../errors.js';
import {
  type Handle,
  LIBRARY,
  LOAD_BUILD,
  type Outcome,
  type PlacedHandle,
  type ToClient,
  type ToHost,
} from '../protocol.js';
import { Library } from './library.js';

/** The end of a message channel, in Node or in a browser. */
export interface Port {
  onmessage: ((event: { data: ToHost }) => void) | null;
  postMessage(message: ToClient, transfer?: Transferable[]): void;
}

/** Answers a client until its worker ends. */
export function serve(port: Port): void {
  const host = new Host(port);
  port.onmessage = ({ data }) => host.receive(data);
  port.postMessage({ type: 'ready' });
}

class Host {
  readonly #port: Port;
  readonly #library: Library;
  readonly #datasets = new Map<number, Dataset>();
  /** Signals of the calls in progress. */
  readonly #signals = new Map<number, AbortController>();
  /** Answers that callbacks wait for. */
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #callbacks = 0;

  constructor(port: Port) {
    this.#port = port;
    loadBuildsBy(this.#callback(LOAD_BUILD) as typeof loadBuild);
    this.#library = new Library((object, info) => port.postMessage({ type: 'info', object, info }));
  }

  receive(message: ToHost): void {
    switch (message.type) {
      case 'call':
        this.#call(message);
        break;
      case 'answer':
        this.#waiting.get(message.id)?.(message);
        this.#waiting.delete(message.id);
        break;
      case 'abort':
        this.#signals.get(message.signal)?.abort(errorFrom(message.reason));
        break;
      case 'dataset':
        this.#datasets.set(message.id, message.dataset);
        break;
      case 'change':
        this.#change(message);
        break;
      case 'forget':
        if (message.dataset !== undefined) this.#datasets.delete(message.dataset);
        if (message.object !== undefined) this.#library.forget(message.object);
        break;
      default:
        message satisfies never;
    }
  }

  async #call(message: Extract<ToHost, { type: 'call' }>): Promise<void> {
    const { id, object, method, handles } = message;
    try {
      for (const placed of handles) this.#place(placed, message);
      const args = message.args as unknown[];
      const value = await (object === LIBRARY
        ? this.#library.call(method, args)
        : this.#library.callOn(object, method, args));
      this.#library.reportChanges();
      // Throws for a value that cannot travel.
      this.#port.postMessage({ type: 'answer', id, value }, ownBuffers(value));
    } catch (error) {
      this.#library.reportChanges();
      this.#port.postMessage({ type: 'answer', id, error: plainError(error) });
    }
    for (const { handle } of handles) {
      if ('signal' in handle) this.#signals.delete(handle.signal);
    }
  }

  /** Puts the value of a handle into the arguments of a call. */
  #place({ path, handle }: PlacedHandle, message: Extract<ToHost, { type: 'call' }>): void {
    let place: unknown = message;
    let name: string | number = 'args';
    for (const key of path) {
      place = (place as Record<string | number, unknown>)[name];
      name = key;
    }
    (place as Record<string | number, unknown>)[name] = this.#resolve(handle);
  }

  #resolve(handle: Handle): unknown {
    if ('callback' in handle) return this.#callback(handle.callback);
    if ('dataset' in handle) return this.#datasets.get(handle.dataset);
    if ('object' in handle) return this.#library.object(handle.object);
    const controller = new AbortController();
    this.#signals.set(handle.signal, controller);
    if (handle.reason) controller.abort(errorFrom(handle.reason));
    return controller.signal;
  }

  /** A function that calls one of the client, and awaits it. */
  #callback(callback: number) {
    return (...args: readonly unknown[]) =>
      new Promise((resolve, reject) => {
        const id = ++this.#callbacks;
        this.#waiting.set(id, (outcome) => {
          if ('error' in outcome) reject(errorFrom(outcome.error));
          else resolve(outcome.value);
        });
        this.#library.reportChanges();
        this.#port.postMessage({ type: 'callback', id, callback, args });
      });
  }

  #change({ id, arrays }: Extract<ToHost, { type: 'change' }>): void {
    const dataset = this.#datasets.get(id);
    if (!dataset) return;
    // The dataset stays the same object, which a run may be using.
    if (arrays) Object.assign(dataset, arrays);
    touch(dataset);
  }
}

function isPlainObject(value: unknown): value is object {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  );
}

/** The buffers of a result's arrays. The host is done with them, so they move instead of being copied. */
function ownBuffers(value: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const visit = (each: unknown): void => {
    if (ArrayBuffer.isView(each)) {
      if (each.buffer instanceof ArrayBuffer) buffers.add(each.buffer);
    } else if (each instanceof Map) each.forEach(visit);
    else if (Array.isArray(each)) for (const item of each) visit(item);
    else if (isPlainObject(each)) Object.values(each).forEach(visit);
  };
  visit(value);
  return [...buffers];
}
