/**
 * Arrays that callers pass: which type they have, and their numbers.
 *
 * `instanceof` is false for arrays of another realm: an iframe, a `vm` context, a Jest test. The tag of
 * a typed array is a getter that reads an internal slot, so it works across realms and cannot be
 * forged.
 */
import { DataError } from './errors.js';

/** Numbers as a dataset or a batch stores them. */
export type InputArray = Uint8Array | Float32Array;

const typedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const tagGetter = Object.getOwnPropertyDescriptor(typedArrayPrototype, Symbol.toStringTag)?.get;

/** The tag of a typed array of any realm, such as `Float32Array`; undefined for other values. */
function tagOf(values: unknown): string | undefined {
  return ArrayBuffer.isView(values) ? tagGetter?.call(values) : undefined;
}

/**
 * Creates an array of zeros.
 *
 * @param what what it holds, for messages
 * @throws RangeError with the size, when there is not enough memory
 */
export function newArray<Values extends { readonly BYTES_PER_ELEMENT: number }>(
  operation: string,
  what: string,
  type: new (length: number) => Values,
  length: number,
): Values {
  try {
    return new type(length);
  } catch {
    const bytes = length * (type as unknown as Values).BYTES_PER_ELEMENT;
    throw new RangeError(
      `${operation}: expected ${(bytes / 2 ** 20).toFixed(1)} MiB of memory for ${what}, got a refusal from the engine; use fewer or smaller examples, or a smaller batch or model`,
    );
  }
}

/** Whether the values are a `Float32Array` of any realm. */
export function isFloat32(values: unknown): values is Float32Array {
  return tagOf(values) === 'Float32Array';
}

/** Whether the values are a `Float64Array` of any realm. */
export function isFloat64(values: unknown): values is Float64Array {
  return tagOf(values) === 'Float64Array';
}

/** Whether the values are an `Int32Array` of any realm. */
export function isInt32(values: unknown): values is Int32Array {
  return tagOf(values) === 'Int32Array';
}

/** Whether the values are bytes of any realm: a `Uint8Array`, a Node `Buffer`, canvas pixels. */
export function isBytes(values: unknown): values is Uint8Array | Uint8ClampedArray {
  return tagOf(values) === 'Uint8Array' || isClamped(values);
}

/** Whether the values are a `Uint8ClampedArray` of any realm, the type of canvas pixels. */
function isClamped(values: unknown): values is Uint8ClampedArray {
  return tagOf(values) === 'Uint8ClampedArray';
}

/** Whether a value is raw memory of any realm: an `ArrayBuffer`, shared or not, or a `DataView`. */
export function isMemory(value: unknown): value is ArrayBufferLike | DataView {
  return /^(Shared)?ArrayBuffer$|^DataView$/.test(typeName(value));
}

/** The same bytes as a `Uint8Array`, without a copy. */
export function asUint8(bytes: Uint8Array | Uint8ClampedArray): Uint8Array {
  const { buffer, byteOffset, length } = bytes;
  return isClamped(bytes) ? new Uint8Array(buffer, byteOffset, length) : bytes;
}

/**
 * Bytes of any array whose values are bytes: integers from 0 to 255. Raw memory is bytes.
 *
 * @returns a view if `values` are bytes already
 * @throws DataError naming the type of anything else
 */
export function bytesOf(operation: string, what: string, values: unknown): Uint8Array {
  if (isBytes(values)) return asUint8(values);
  if (isMemory(values)) {
    if (!ArrayBuffer.isView(values)) return new Uint8Array(values);
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  }
  const numbers = numbersOf(operation, what, values);
  const bytes = Uint8Array.from(numbers);
  const bad = bytes.findIndex((byte, i) => byte !== numbers[i]);
  if (bad < 0) return bytes;
  throw new DataError(
    `${operation}: expected ${what} to be bytes 0 … 255, got ${typeName(values)} with ${numbers[bad]} at ${bad}`,
  );
}

/** The type of a value, for messages: `Int8Array`, `Array`, `string`. */
export function typeName(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return tagOf(value) ?? Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * Checks that an array holds numbers. BigInts become numbers where that is exact.
 *
 * @param values a typed array of any realm, or an array-like object of numbers
 * @returns `values` itself unless they are BigInts
 * @throws DataError naming the type of anything else
 */
export function numbersOf(operation: string, what: string, values: unknown): ArrayLike<number> {
  const tag = tagOf(values);
  if (tag?.startsWith('Big')) return fromBigInts(operation, what, values as BigInt64Array);
  if (tag !== undefined) return values as ArrayLike<number>;
  const { length } = Object(values);
  if (typeof values !== 'object' || !Number.isSafeInteger(length) || length < 0) {
    throw new DataError(
      `${operation}: expected ${what} to be an array of numbers, got ${typeName(values)}`,
    );
  }
  const array = values as ArrayLike<unknown>;
  for (let i = 0; i < length; i++) {
    if (typeof array[i] === 'number') continue;
    throw new DataError(
      `${operation}: expected numbers in ${what}, got ${typeName(values)} with ${typeName(array[i])} at ${i}`,
    );
  }
  return array as ArrayLike<number>;
}

/**
 * Converts numbers to float32 where that is exact: NaN and infinities stay what they are.
 *
 * @returns `values` itself if they are a `Float32Array`
 * @throws DataError naming the type of values that are not numbers, or not float32 numbers
 */
export function exactFloat32(operation: string, what: string, values: unknown): Float32Array {
  if (isFloat32(values)) return values;
  const numbers = numbersOf(operation, what, values);
  const floats = Float32Array.from(numbers);
  for (let i = 0; i < floats.length; i++) {
    if (Object.is(floats[i], numbers[i])) continue;
    throw new DataError(
      `${operation}: expected ${what} that float32 holds exactly, got ${typeName(values)} with ${numbers[i]} at ${i}; to round them, pass Float32Array.from(…)`,
    );
  }
  return floats;
}

/** Inputs of a model: bytes of any type as they are, other numbers as by `exactFloat32`. */
export function inputArray(operation: string, what: string, values: unknown): InputArray {
  return isBytes(values) ? asUint8(values) : exactFloat32(operation, what, values);
}

/**
 * Whether bytes of a canvas are RGBA, as in `ImageData`, rather than rows of grey images.
 *
 * @param size number of values that the rows should have; undefined for any number of whole rows
 * @param features numbers per row
 */
export function isRgba(values: unknown, size: number | undefined, features: number): boolean {
  if (!isClamped(values) || values.length === 0) return false;
  if (size !== undefined) return values.length === 4 * size * features;
  if (values.length % 4 !== 0 || values.length % features !== 0) return false;
  return values.length === 4 * features || hasAlpha(values);
}

/** Whether every fourth byte is 255, or some are 0 and the three bytes before these are 0 too. */
function hasAlpha(bytes: Uint8ClampedArray): boolean {
  let [transparent, opaque] = [0, 0];
  for (let i = 0; i < bytes.length; i += 4) {
    const alpha = bytes[i + 3];
    if (alpha === 255) opaque++;
    else if (alpha === 0) {
      if (bytes[i] + bytes[i + 1] + bytes[i + 2] > 0) return false;
      transparent++;
    }
  }
  const pixels = bytes.length / 4;
  return opaque === pixels || (transparent > 0 && transparent < pixels);
}

function fromBigInts(
  operation: string,
  what: string,
  values: BigInt64Array | BigUint64Array,
): Float64Array {
  return Float64Array.from({ length: values.length }, (_, i) => {
    const number = Number(values[i]);
    if (Number.isSafeInteger(number)) return number;
    throw new DataError(
      `${operation}: expected ${what} below 2⁵³, got ${typeName(values)} with ${values[i]} at ${i}`,
    );
  });
}
