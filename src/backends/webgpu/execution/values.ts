import { BackendError } from '../../../errors.js';
import { roundUp } from '../../../memory-plan.js';
import type { Tensor, Values } from '../../../tensor.js';

/**
 * @throws RangeError for more values than there is room for
 * @throws BackendError for some of a tensor's bytes that are no whole words: those alone can be
 *   written
 */
export function expectRoom({ name, dtype, size }: Tensor, count: number): void {
  if (count > size) {
    throw new RangeError(`webgpu: expected at most ${size} values of ${name}, got ${count}`);
  }
  if (dtype === 'uint8' && count < size && count % 4 !== 0) {
    throw new BackendError(
      `webgpu: expected all ${size} bytes of ${name}, or a multiple of 4, got ${count}`,
    );
  }
}

/** The values' bytes, and zeros up to a multiple of 4. */
export function wholeWords(data: Exclude<Values, Float64Array>): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(roundUp(bytes.length, 4));
  padded.set(bytes);
  return padded;
}

export function typedValues({ dtype }: Tensor, values: ArrayLike<number>) {
  switch (dtype) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'int32':
      return values instanceof Int32Array ? values : Int32Array.from(values);
    case 'uint8':
      return values instanceof Uint8Array ? values : Uint8Array.from(values);
    default:
      return dtype satisfies never;
  }
}

export function valuesOf({ dtype, size }: Tensor, bytes: ArrayBuffer): Values {
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes, 0, size);
    case 'int32':
      return new Int32Array(bytes, 0, size);
    case 'uint8':
      return new Uint8Array(bytes, 0, size);
    default:
      return dtype satisfies never;
  }
}

/** Buffers have whole words, and at least one. */
export function storedBytes(byteLength: number): number {
  return roundUp(Math.max(byteLength, 4), 4);
}
