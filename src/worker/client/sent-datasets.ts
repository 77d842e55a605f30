import type { Dataset } from '../../data/dataset.js';
import { type Fingerprint, fingerprintOf, sameFingerprint } from '../../data/fingerprint.js';
import { afterDrop } from '../../platform/dropped.js';
import type { ToHost } from '../protocol.js';
import { canMove, isShared, withoutRest } from './views.js';

type Send = (message: ToHost, transfer: ArrayBuffer[]) => void;

interface Sent {
  readonly id: number;
  /** Not held: the host drops its copy after the program has dropped the dataset. */
  dataset: WeakRef<Dataset>;
  fingerprint: Fingerprint;
}

/** Datasets whose memory the next call may move to the worker. */
const movable = new WeakSet<Dataset>();

/**
 * Lets the next call with a dataset move its memory to the worker instead of copying it. The arrays are
 * empty in this thread from then on, and the dataset serves for calls of that worker only. Copies a dataset
 * after all if an array is a plain array or a part of a larger buffer, or if the worker already has it.
 *
 * @returns the dataset
 * @example await trainer.fit(transfer(train), { epochs: 5 });
 */
export function transfer(dataset: Dataset): Dataset {
  movable.add(dataset);
  return dataset;
}

/** The datasets that the host has: each is sent once, and later what changes in it. */
export class SentDatasets {
  readonly #send: Send;
  readonly #sent = new Map<number, Sent>();
  /** Numbers by targets and inputs, which several datasets may have in common. */
  readonly #numbers = new WeakMap<object, WeakMap<object, number>>();
  readonly #moved = new WeakMap<Dataset, number>();
  #count = 0;

  constructor(send: Send) {
    this.#send = send;
  }

  /**
   * Sends a dataset unless the host has it. Arrays in shared memory are shared, others are copied, or moved
   * after `transfer`.
   *
   * @returns its number
   */
  send(dataset: Dataset): number {
    const moved = this.#moved.get(dataset);
    if (moved !== undefined) return moved;
    const { inputs, targets } = dataset;
    const known = this.#sent.get(this.#numbers.get(targets)?.get(inputs) ?? 0);
    const fingerprint = fingerprintOf(dataset);
    if (known?.fingerprint.layout === fingerprint.layout) {
      movable.delete(dataset);
      // The latest object with these arrays: the first one may be dropped.
      known.dataset = new WeakRef(dataset);
      this.#refresh(known, dataset, fingerprint);
      return known.id;
    }
    const id = ++this.#count;
    const isMoved = movable.has(dataset) && canMove(inputs) && canMove(targets);
    const buffers = isMoved ? [...new Set([inputs.buffer, targets.buffer])] : [];
    this.#send({ type: 'dataset', id, dataset: fieldsOf(dataset) }, buffers as ArrayBuffer[]);
    // From here on: sending throws for an array that was moved before.
    movable.delete(dataset);
    if (isMoved) this.#moved.set(dataset, id);
    else this.#remember(dataset, { id, dataset: new WeakRef(dataset), fingerprint });
    afterDrop(isMoved ? dataset : targets, () => {
      this.#sent.delete(id);
      this.#send({ type: 'forget', dataset: id }, []);
    });
    return id;
  }

  /** Sends what has changed in datasets that the host has. */
  refresh(ids: readonly number[]): void {
    for (const id of ids) {
      const sent = this.#sent.get(id);
      const dataset = sent?.dataset.deref();
      if (sent && dataset) this.#refresh(sent, dataset, fingerprintOf(dataset));
    }
  }

  #refresh(sent: Sent, dataset: Dataset, fingerprint: Fingerprint): void {
    if (sameFingerprint(fingerprint, sent.fingerprint)) return;
    const { inputs, targets } = dataset;
    const arrays = isShared(inputs) && isShared(targets) ? undefined : arraysOf(dataset);
    this.#send({ type: 'change', id: sent.id, ...(arrays && { arrays }) }, []);
    sent.fingerprint = fingerprint;
  }

  #remember({ inputs, targets }: Dataset, sent: Sent): void {
    const numbers = this.#numbers.get(targets) ?? new WeakMap<object, number>();
    numbers.set(inputs, sent.id);
    this.#numbers.set(targets, numbers);
    this.#sent.set(sent.id, sent);
  }
}

/** Whether a value is a dataset, rather than an object that contains some. */
export function isDataset(value: object): value is Dataset {
  return 'inputs' in value && 'targets' in value && 'features' in value;
}

function arraysOf({ inputs, targets }: Dataset): Pick<Dataset, 'inputs' | 'targets'> {
  return { inputs: withoutRest(inputs), targets: withoutRest(targets) };
}

/** The dataset as plain data: the program's object may be a proxy, or have other fields. */
function fieldsOf(dataset: Dataset): Dataset {
  const { name, size, features, classes, normalization, imageShape } = dataset;
  const { mean, std } = normalization;
  const shape = imageShape && { imageShape: [imageShape[0], imageShape[1]] as const };
  const arrays = arraysOf(dataset);
  return { name, size, features, classes, ...arrays, normalization: { mean, std }, ...shape };
}
