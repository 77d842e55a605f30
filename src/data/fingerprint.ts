/**
 * Changes of a dataset. Backends hold copies of datasets, so a copy must be replaced when the arrays
 * change in place.
 */
import { isBytes } from '../typed-arrays.js';
import type { Dataset } from './dataset.js';

/** Values of each array that are compared: at most this many, spread evenly. */
const INPUT_SAMPLES = 16_384;
const TARGET_SAMPLES = 65_536;

/** Fraction of an array between two samples: the golden ratio spreads them without a period. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** How often each buffer was touched; arrays that share a buffer change together. */
const touches = new WeakMap<object, number>();

/**
 * Tells trainers that the values of a dataset changed in place, so that they upload it again at the
 * next `fit`, `evaluate` or epoch. Datasets that share its arrays, such as those of `take`, count as
 * changed too. Without this call only a change of a sampled value is noticed.
 *
 * @example
 *   onEpoch() {
 *     augment(train.inputs);
 *     touch(train);
 *   }
 */
export function touch({ inputs, targets }: Dataset): void {
  for (const array of [inputs, targets]) touches.set(bufferOf(array), touchesOf(array) + 1);
}

/** What identifies the content of a dataset: cheap to compute, different after most changes. */
export interface Fingerprint {
  /** Sizes, type and normalisation: what compiled steps depend on. */
  readonly layout: string;
  readonly inputs: unknown;
  readonly targets: unknown;
  /** Number of touches, and a hash of sampled values. */
  readonly values: string;
}

export function fingerprintOf(dataset: Dataset): Fingerprint {
  const { inputs, targets } = dataset;
  const values = [
    touchesOf(inputs),
    touchesOf(targets),
    hashOf(inputs, INPUT_SAMPLES),
    hashOf(targets, TARGET_SAMPLES),
  ];
  return {
    layout: layoutOf(dataset),
    inputs,
    targets,
    values: values.join(' '),
  };
}

/** Whether two fingerprints are of the same arrays with the same sampled values. */
export function sameFingerprint(a: Fingerprint, b: Fingerprint): boolean {
  return (
    a.layout === b.layout &&
    a.inputs === b.inputs &&
    a.targets === b.targets &&
    a.values === b.values
  );
}

/** The content with which arrays last began a run, which the program may then change in place. */
const begun = new WeakMap<object, { inputs: unknown; layout: string; content: string }>();

/** The content of a dataset that begins a run. */
export function beginWith(dataset: Dataset): string {
  const { inputs, targets } = dataset;
  const content = contentOf(dataset);
  begun.set(targets, { inputs, layout: layoutOf(dataset), content });
  return content;
}

/** Whether a run began with this dataset: with the same content, or with the same arrays. */
export function hasBegunWith(dataset: Dataset, content: string): boolean {
  const known = begun.get(dataset.targets);
  const areSame = known?.inputs === dataset.inputs && known.layout === layoutOf(dataset);
  return (areSame && known.content === content) || contentOf(dataset) === content;
}

/**
 * The number of examples, and a hash of sizes, normalisation and sampled values: the same for equal data
 * in any process.
 */
export function contentOf(dataset: Dataset): string {
  const { size, features, inputs, targets } = dataset;
  const codes = Array.from(layoutOf(dataset), (character) => character.charCodeAt(0));
  const parts = [
    hashOf(codes, codes.length),
    hashOf(inputs, INPUT_SAMPLES),
    hashOf(targets, TARGET_SAMPLES),
  ];
  return `${size} × ${features}, hash ${parts.map((part) => part.toString(16)).join('')}`;
}

/** Sizes, type and normalisation of a dataset. */
function layoutOf({ size, features, classes, inputs, normalization }: Dataset): string {
  const { mean, std } = normalization;
  return [size, features, classes, isBytes(inputs), mean, std].join(' ');
}

/** A hash over the words of at most `samples` values, as float64. */
function hashOf(values: ArrayLike<number>, samples: number): number {
  const { length } = values;
  const count = Math.min(length, samples);
  const value = new Float64Array(1);
  const words = new Uint32Array(value.buffer);
  let hash = 0x811c9dc5;
  for (let i = 0; i < count; i++) {
    const at = count === length ? i : Math.floor(((i * GOLDEN_RATIO) % 1) * length);
    value[0] = Number(values[at]);
    hash = mix(mix(hash, words[0]), words[1]);
  }
  return hash >>> 0;
}

/**
 * Adds a word to a hash. The shift matters: a product alone never carries a sign bit to lower bits,
 * so that two changed signs would cancel.
 */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

function touchesOf(array: Dataset['inputs'] | Dataset['targets']): number {
  return touches.get(bufferOf(array)) ?? 0;
}

/** The buffer of a typed array; a plain array itself. */
function bufferOf(array: Dataset['inputs'] | Dataset['targets']): object {
  return ArrayBuffer.isView(array) ? array.buffer : array;
}
