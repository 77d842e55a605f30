/**
 * The safetensors file format: named tensors with nothing executable in between.
 *
 *   bytes 0 … 7        N, the header's length in bytes: unsigned, 64 bits, little-endian
 *   bytes 8 … 7 + N    header: JSON in UTF-8, padded with spaces to a multiple of 8 bytes
 *   bytes 8 + N …      the tensors' values: row-major, little-endian, without gaps
 *
 *   { "__metadata__": { "format": "pt" },
 *     "0.weight": { "dtype": "F32", "shape": [30, 784], "data_offsets": [0, 94080] }, … }
 *
 * `data_offsets` are [begin, end) in bytes, counted from the end of the header. Files are
 * untrusted, so every field of the header is checked before use.
 *
 * Source: https://github.com/huggingface/safetensors#format
 */

import { expectArray, expectFile } from '../../checks.js';
import { DataError, quoted, ShapeError } from '../../errors.js';
import { expectKind, expectMade, isObject } from '../../options.js';
import { decodeText, encodeText } from '../../platform/text.js';
import type { Bytes } from '../../platform/types.js';
import { sizeOf } from '../../tensor.js';
import { bytesOf, newArray, numbersOf } from '../../typed-arrays.js';
import { firstRepeatedKey } from './json-keys.js';
import { NUMBER_TYPES, type NumberType } from './number-types.js';

/** A tensor as files store it. */
export interface TensorData {
  /** Sizes, outermost first; empty for a single number. */
  readonly shape: readonly number[];
  /** Values in row-major order, as many as the product of the sizes. */
  readonly data: Float32Array;
  /** Whether the file stores integers: such tensors are no weights. */
  readonly integers?: true;
}

/** The content of a safetensors file. */
export interface SafetensorsContent {
  /** By name, in the order of the values in the file. */
  readonly tensors: Map<string, TensorData>;
  /** The free-form strings under `__metadata__`; empty when there are none. */
  readonly metadata: Record<string, string>;
}

const METADATA_KEY = '__metadata__';
const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
const FLOAT32_BYTES = 4;

/** The official reader's limit: a forged length cannot cause an allocation of gigabytes. */
const MAXIMUM_HEADER_BYTES = 100_000_000;

/**
 * Encodes float32 tensors as the bytes of a safetensors file.
 *
 * @param tensors  by name; values are stored in the map's order
 * @param metadata strings to store under `__metadata__`, such as `{ format: 'pt' }`; none by
 *   default
 * @throws ShapeError when a tensor's shape does not match its number of values
 * @throws DataError when a tensor has the reserved name `__metadata__`
 * @example await writeFile('weights.safetensors', encodeSafetensors(await trainer.state()));
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Bytes {
  expectMade('encodeSafetensors', 'tensors', tensors, 'entries', 'a Map by name');
  expectKind('encodeSafetensors', 'metadata', metadata, 'object');
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push([METADATA_KEY, metadata]);
  let end = 0;
  for (const [name, tensor] of tensors) {
    checkEncodable(name, tensor);
    const begin = end;
    end += tensor.data.length * FLOAT32_BYTES;
    entries.push([name, { dtype: 'F32', shape: tensor.shape, data_offsets: [begin, end] }]);
  }

  // Object.fromEntries defines own properties, so a tensor may be called __proto__.
  const header = paddedUtf8(JSON.stringify(Object.fromEntries(entries)));
  const size = LENGTH_BYTES + header.length + end;
  const bytes = newArray('encodeSafetensors', 'a file', Uint8Array, size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + header.length;
  for (const [name, tensor] of tensors) {
    const data = numbersOf('safetensors', `tensor ${quoted(name)}`, tensor.data);
    for (let i = 0; i < data.length; i++, at += FLOAT32_BYTES) view.setFloat32(at, data[i], true);
  }
  return bytes;
}

function checkEncodable(name: string, { shape, data }: TensorData): void {
  if (name === METADATA_KEY) {
    throw new DataError(`safetensors: expected tensor names other than the reserved "${name}"`);
  }
  expectKind('safetensors', `the shape of ${name}`, shape, 'array');
  expectArray('safetensors', name, data);
  const elements = sizeOf(shape);
  if (!shape.every(isSize) || elements !== data.length) {
    throw new ShapeError(
      `safetensors: expected ${elements} values for tensor ${quoted(name)} of shape ` +
        `(${shape.join(', ')}), got ${data.length}`,
    );
  }
}

function paddedUtf8(text: string): Uint8Array {
  const utf8 = encodeText(text);
  const padded = new Uint8Array(Math.ceil(utf8.length / ALIGNMENT) * ALIGNMENT).fill(0x20);
  padded.set(utf8);
  return padded;
}

/**
 * Decodes the bytes of a safetensors file. Tensors of all types of floats from 16 bits, integers and
 * BOOL become float32: F16 and BF16 exactly, others rounded to nearest, where F64 becomes ±Infinity
 * beyond the range of float32.
 *
 * @param source the file's name, for messages; `safetensors` by default
 * @throws DataError when the file is truncated, malformed, or has tensors of another type
 * @example const { tensors } = decodeSafetensors(await readFile('weights.safetensors'));
 */
export function decodeSafetensors(
  content: Uint8Array | ArrayBuffer,
  source = 'safetensors',
): SafetensorsContent {
  expectFile('decodeSafetensors', content, source);
  const bytes = bytesOf(source, 'the content', content);
  const headerEnd = LENGTH_BYTES + headerLength(bytes, source);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, headerEnd), source);
  const { [METADATA_KEY]: rawMetadata = {}, ...rawTensors } = header;
  const metadata = checkMetadata(rawMetadata, source);
  const entries = Object.entries(rawTensors).map(([name, raw]) => checkEntry(name, raw, source));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);

  const values = bytes.subarray(headerEnd);
  checkTiling(entries, values.length, source);
  const tensors = new Map<string, TensorData>();
  for (const entry of entries) {
    const { name, shape, type } = entry;
    const data = readValues(values, entry);
    tensors.set(name, { shape, data, ...(type.integers && { integers: true }) });
  }
  return { tensors, metadata };
}

function headerLength(bytes: Uint8Array, source: string): number {
  if (bytes.length < LENGTH_BYTES) {
    throw new DataError(`${source}: expected at least ${LENGTH_BYTES} bytes, got ${bytes.length}`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > MAXIMUM_HEADER_BYTES) {
    throw new DataError(
      `${source}: expected a header of at most ${MAXIMUM_HEADER_BYTES} bytes, got length ${length}; ` +
        'is this a safetensors file?',
    );
  }
  if (length > bytes.length - LENGTH_BYTES) {
    throw new DataError(
      `${source}: expected a header of ${length} bytes, got ${bytes.length - LENGTH_BYTES} ` +
        'before the file ends; it is truncated',
    );
  }
  return Number(length);
}

function parseHeader(utf8: Uint8Array, source: string): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = decodeText(utf8);
    header = JSON.parse(text);
  } catch (cause) {
    throw new DataError(
      `${source}: expected a header in JSON, got bytes that do not parse; is this a safetensors file?`,
      { cause },
    );
  }
  if (!isObject(header)) {
    throw new DataError(`${source}: expected the header to be an object, got ${quoted(header)}`);
  }
  const repeated = firstRepeatedKey(text);
  if (repeated !== undefined) {
    throw new DataError(
      `${source}: expected each key once in the header, got ${quoted(repeated)} twice`,
    );
  }
  return header;
}

function checkMetadata(raw: unknown, source: string): Record<string, string> {
  if (!isObject(raw)) {
    throw new DataError(`${source}: expected ${METADATA_KEY} to be an object, got ${quoted(raw)}`);
  }
  const entries = Object.entries(raw).map(([key, value]): [string, string] => {
    if (typeof value === 'string') return [key, value];
    throw new DataError(
      `${source}: expected ${METADATA_KEY} ${quoted(key)} to be a string, got ${quoted(value)}`,
    );
  });
  return Object.fromEntries(entries);
}

/** The header's entry for one tensor, checked. */
interface Entry {
  readonly name: string;
  readonly type: NumberType;
  readonly shape: readonly number[];
  /** Byte offsets [begin, end) from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

function checkEntry(name: string, raw: unknown, source: string): Entry {
  const fail = (expected: string, got: unknown): never => {
    throw new DataError(
      `${source}: tensor ${quoted(name)}: expected ${expected}, got ${quoted(got)}`,
    );
  };
  if (!isObject(raw)) return fail('an object', raw);

  const { dtype, shape, data_offsets: offsets } = raw;
  const type = typeof dtype === 'string' ? NUMBER_TYPES.get(dtype) : undefined;
  if (type === undefined) return fail(`a dtype of ${[...NUMBER_TYPES.keys()].join(', ')}`, dtype);
  if (!isSizes(shape)) return fail('a shape of non-negative integers', shape);
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail('data_offsets of two non-negative integers', offsets);
  }
  const [begin, end] = offsets;
  const length = sizeOf(shape) * type.bytes;
  if (end - begin !== length) {
    return fail(`${length} bytes for shape (${shape.join(', ')}) of ${dtype}`, offsets);
  }
  return { name, type, shape, begin, end };
}

/**
 * Checks that entries, sorted by offset, cover the values without overlap, gap or surplus bytes.
 */
function checkTiling(entries: readonly Entry[], available: number, source: string): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const problem = begin < covered ? 'overlaps another tensor' : 'leaves a gap before it';
      throw new DataError(
        `${source}: tensor ${quoted(name)}: expected data_offsets to begin at ${covered}, ` +
          `got ${begin}, which ${problem}`,
      );
    }
    if (end > available) {
      throw new DataError(
        `${source}: tensor ${quoted(name)}: expected values up to byte ${end}, ` +
          `got ${available} bytes; the file is truncated`,
      );
    }
    covered = end;
  }
  if (covered !== available) {
    throw new DataError(
      `${source}: expected the file to end after ${covered} bytes of values, got ${available}`,
    );
  }
}

function readValues(values: Uint8Array, { name, type, shape, begin }: Entry): Float32Array {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const data = newArray('decodeSafetensors', name, Float32Array, sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = type.read(view, begin + i * type.bytes);
  return data;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
