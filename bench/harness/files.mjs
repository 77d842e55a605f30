/**
 * Arrays in files, raw and little-endian. Engines in several languages read the same numbers from
 * them, and write their results to them.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** @param {ArrayBufferView} values */
export function writeArray(folder, name, values) {
  return writeFile(
    join(folder, name),
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
}

/** @returns {Promise<Float32Array>} */
export async function readFloats(folder, name) {
  return new Float32Array(await readBuffer(folder, name));
}

/** @returns {Promise<Int32Array>} */
export async function readIntegers(folder, name) {
  return new Int32Array(await readBuffer(folder, name));
}

/** @returns {Promise<Uint8Array>} */
export async function readBytes(folder, name) {
  return new Uint8Array(await readBuffer(folder, name));
}

/** A copy, because the result of `readFile` may not be aligned for a typed array. */
async function readBuffer(folder, name) {
  const { buffer, byteOffset, byteLength } = await readFile(join(folder, name));
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
