import { BackendError } from '../../../errors.js';
import { roundUp } from '../../../memory-plan.js';
import type { Tensor, Values } from '../../../tensor.js';
import { asUint8, isBytes, isFloat32, isInt32 } from '../../../typed-arrays.js';

/**
 * Checks the number of values to write to a tensor.
 *
 * @throws RangeError for more values than the tensor has
 * @throws BackendError for a part of a byte tensor whose length is not a multiple of 4: WebGPU writes
 *   only whole words
 */
export function expectCount({ name, dtype, size }: Tensor, count: number): void {
  if (count > size) {
    throw new RangeError(`webgpu: expected at most ${size} values of ${name}, got ${count}`);
  }
  if (dtype === 'uint8' && count < size && count % 4 !== 0) {
    throw new BackendError(
      `webgpu: expected all ${size} bytes of ${name}, or a multiple of 4, got ${count}`,
    );
  }
}

/** The bytes of the values, padded with zeros to a multiple of 4. */
export function wholeWords(data: Exclude<Values, Float64Array>): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(roundUp(bytes.length, 4));
  padded.set(bytes);
  return padded;
}

/** The values as the typed array of the tensor's dtype, without a copy where they already are. */
export function typedValues({ dtype }: Tensor, values: ArrayLike<number>) {
  switch (dtype) {
    case 'float32':
      return isFloat32(values) ? values : Float32Array.from(values);
    case 'int32':
      return isInt32(values) ? values : Int32Array.from(values);
    case 'uint8':
      return isBytes(values) ? asUint8(values) : Uint8Array.from(values);
    default:
      return dtype satisfies never;
  }
}

/** The bytes as the typed array of the tensor's dtype. */
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

/** The size of a buffer for that many bytes: whole words, at least one. */
export function storedBytes(byteLength: number): number {
  return roundUp(Math.max(byteLength, 4), 4);
}
