import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../../src/errors.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  type TensorData,
} from '../../../src/training/serialization/safetensors.js';

/** A file of exactly this header text (not padded) and these values. */
function file(header: string | Uint8Array, values: ArrayLike<number> = []): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + values.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(values, 8 + text.length);
  return bytes;
}

/** A file of one tensor `a` in two-byte numbers. */
function halves(dtype: string, words: readonly number[]): Uint8Array {
  const tensor = { dtype, shape: [words.length], data_offsets: [0, 2 * words.length] };
  const values = words.flatMap((word) => [word & 0xff, word >> 8]);
  return file(JSON.stringify({ a: tensor }), values);
}

function valuesOf(bytes: Uint8Array, name = 'a'): number[] {
  return [...(decodeSafetensors(bytes).tensors.get(name)?.data ?? [])];
}

const tensorArbitrary: fc.Arbitrary<TensorData> = fc
  .array(fc.nat({ max: 4 }), { maxLength: 4 })
  .chain((shape) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const data = fc.float32Array({ minLength: length, maxLength: length });
    return fc.record({ shape: fc.constant(shape), data });
  });

const nameArbitrary = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '0', '__proto__', 'constructor', '"quoted\\"', 'a:b', '{'),
  )
  .filter((name) => name !== '__metadata__');

/*
 * Two tensors and metadata in the official writer's layout: length, JSON padded with spaces
 * to a multiple of 8, values.
 */
const GOLDEN_HEADER =
  '{"__metadata__":{"format":"pt"},' +
  '"weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},' +
  '"bias":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}';
const GOLDEN = Uint8Array.from([
  ...[0x98, 0, 0, 0, 0, 0, 0, 0],
  ...new TextEncoder().encode(GOLDEN_HEADER.padEnd(0x98)),
  ...[0x00, 0x00, 0x80, 0x3f], // 1
  ...[0x00, 0x00, 0x20, 0xc0], // −2.5
  ...[0xdb, 0x0f, 0x49, 0x40], // π, rounded to float32
]);

describe('safetensors', () => {
  it('reads a file in the official layout', () => {
    const { tensors, metadata } = decodeSafetensors(GOLDEN);
    expect(metadata).toEqual({ format: 'pt' });
    expect([...tensors]).toEqual([
      ['weight', { shape: [2, 1], data: Float32Array.of(1, -2.5) }],
      ['bias', { shape: [], data: Float32Array.of(Math.PI) }],
    ]);
  });

  it('writes the official layout, byte for byte', () => {
    const tensors = new Map([
      ['weight', { shape: [2, 1], data: Float32Array.of(1, -2.5) }],
      ['bias', { shape: [], data: Float32Array.of(Math.PI) }],
    ]);
    expect(encodeSafetensors(tensors, { format: 'pt' })).toEqual(GOLDEN);
  });

  it('reads back what it wrote for any names, shapes and values', () => {
    const tensorsArbitrary = fc
      .uniqueArray(fc.tuple(nameArbitrary, tensorArbitrary), { selector: ([name]) => name })
      .map((entries) => new Map(entries));
    const metadataArbitrary = fc.dictionary(nameArbitrary, fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(tensorsArbitrary, metadataArbitrary, (tensors, metadata) => {
        const bytes = encodeSafetensors(tensors, metadata);
        const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
        expect(headerLength % 8).toBe(0);
        const decoded = decodeSafetensors(bytes);
        expect(decoded.tensors).toEqual(tensors);
        expect(Object.entries(decoded.metadata)).toEqual(Object.entries(metadata));
      }),
    );
  });

  it('returns tensors in the order of their values, not of the header', () => {
    const header = {
      second: { dtype: 'F32', shape: [1], data_offsets: [4, 8] },
      first: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
    };
    const { tensors } = decodeSafetensors(file(JSON.stringify(header), new Uint8Array(8)));
    expect([...tensors.keys()]).toEqual(['first', 'second']);
  });

  it('reads from the middle of a larger buffer', () => {
    const buffer = new Uint8Array(GOLDEN.length + 5);
    buffer.set(GOLDEN, 3);
    expect(valuesOf(buffer.subarray(3, 3 + GOLDEN.length), 'weight')).toEqual([1, -2.5]);
  });

  it('accepts __proto__ as a tensor name', () => {
    const entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
    const header = `{"__metadata__":{"__proto__":"x"},"__proto__":${entry}}`;
    const { tensors, metadata } = decodeSafetensors(file(header));
    expect([...tensors.keys()]).toEqual(['__proto__']);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
  });

  it('reads I64, the type of PyTorch’s counters, and rounds it to float32', () => {
    const header = JSON.stringify({
      counts: { dtype: 'I64', shape: [3], data_offsets: [0, 24] },
      single: { dtype: 'I64', shape: [], data_offsets: [24, 32] },
    });
    const bytes = new Uint8Array(BigInt64Array.of(1n, -2n, 2n ** 53n + 1n, 40_000n).buffer);
    expect(valuesOf(file(header, bytes), 'counts')).toEqual([1, -2, 2 ** 53]);
    expect(decodeSafetensors(file(header, bytes)).tensors.get('single')).toEqual({
      shape: [],
      data: Float32Array.of(40_000),
      integers: true,
    });
  });

  it('rounds F64 to float32', () => {
    const header = JSON.stringify({ a: { dtype: 'F64', shape: [2], data_offsets: [0, 16] } });
    const values = new Uint8Array(16);
    new DataView(values.buffer).setFloat64(0, 0.1, true);
    new DataView(values.buffer).setFloat64(8, -1e300, true);
    expect(valuesOf(file(header, values))).toEqual([Math.fround(0.1), Number.NEGATIVE_INFINITY]);
  });

  it('reads F16: normal, subnormal, extreme and special values', () => {
    const words = [0x3c00, 0xc000, 0x3555, 0x7bff, 0x0400, 0x0001, 0x83ff, 0x8000];
    const wanted = [1, -2, 1365 / 4096, 65504, 2 ** -14, 2 ** -24, -1023 * 2 ** -24, -0];
    expect(valuesOf(halves('F16', words))).toEqual(wanted);
    expect(valuesOf(halves('F16', [0x7c00, 0xfc00, 0x7e01]))).toEqual([Infinity, -Infinity, NaN]);
  });

  it('reads BF16 as the upper half of a float32, for all 65536 words', () => {
    const words = Array.from({ length: 65536 }, (_, word) => word);
    const wanted = new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer);
    expect(valuesOf(halves('BF16', words))).toEqual([...wanted]);
  });

  it.each<[dtype: string, array: (values: number[]) => ArrayBufferView, values: number[]]>([
    ['I64', (v) => BigInt64Array.from(v.map(BigInt)), [0, 1, -1, 2 ** 24, -(2 ** 31)]],
    ['U64', (v) => BigUint64Array.from(v.map(BigInt)), [0, 1, 2 ** 40]],
    ['I32', (v) => Int32Array.from(v), [0, 1, -1, -(2 ** 31)]],
    ['U32', (v) => Uint32Array.from(v), [0, 1, 2 ** 31]],
    ['I16', (v) => Int16Array.from(v), [0, -1, 32767, -32768]],
    ['U16', (v) => Uint16Array.from(v), [0, 1, 65535]],
    ['I8', (v) => Int8Array.from(v), [0, -1, 127, -128]],
    ['U8', (v) => Uint8Array.from(v), [0, 1, 255]],
    ['BOOL', (v) => Uint8Array.from(v), [0, 1]],
  ])('reads %s, and marks it as integers', (dtype, arrayOf, values) => {
    const { buffer } = arrayOf(values);
    const shape = [values.length];
    const header = { a: { dtype, shape, data_offsets: [0, buffer.byteLength] } };
    const { tensors } = decodeSafetensors(file(JSON.stringify(header), new Uint8Array(buffer)));
    expect(tensors.get('a')).toEqual({ shape, data: Float32Array.from(values), integers: true });
  });

  it('reads raw memory of any kind, whole or in part', () => {
    const { buffer } = Uint8Array.from(GOLDEN);
    const shared = new Uint8Array(new SharedArrayBuffer(GOLDEN.length));
    shared.set(GOLDEN);
    const padded = Uint8Array.from([1, 2, 3, ...GOLDEN, 4]);
    const part = new DataView(padded.buffer, 3, GOLDEN.length);
    const want = decodeSafetensors(GOLDEN);
    const other: ArrayBuffer = runInNewContext('new ArrayBuffer(length)', {
      length: GOLDEN.length,
    });
    new Uint8Array(other).set(GOLDEN);
    for (const memory of [buffer, shared.buffer, part, other]) {
      expect(decodeSafetensors(memory as ArrayBuffer)).toEqual(want);
    }
  });

  it('rejects writing a tensor whose shape does not match its values', () => {
    const tensors = new Map([['a', { shape: [2, 3], data: new Float32Array(5) }]]);
    expect(() => encodeSafetensors(tensors)).toThrow(
      new ShapeError('safetensors: expected 6 values for tensor "a" of shape (2, 3), got 5'),
    );
  });

  it('rejects writing a tensor with the reserved name', () => {
    const tensors = new Map([['__metadata__', { shape: [0], data: new Float32Array(0) }]]);
    expect(() => encodeSafetensors(tensors)).toThrow(DataError);
  });
});

/** The header of one tensor `a`, valid for 4 bytes of values unless overridden. */
function headerWith(overrides: Record<string, unknown>): string {
  return JSON.stringify({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...overrides } });
}

/** The header of tensors in bytes [begin, end), each with a matching shape. */
function headerOfRanges(ranges: Record<string, readonly [number, number]>): string {
  const entries = Object.entries(ranges).map(([name, [begin, end]]) => {
    return [name, { dtype: 'F32', shape: [(end - begin) / 4], data_offsets: [begin, end] }];
  });
  return JSON.stringify(Object.fromEntries(entries));
}

function withLength(length: bigint): Uint8Array {
  const bytes = GOLDEN.slice();
  new DataView(bytes.buffer).setBigUint64(0, length, true);
  return bytes;
}

const FOUR = new Uint8Array(4);
/** Nested deeper than JSON.stringify can follow. */
const DEEP = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
const TENSOR = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';

const CORRUPT: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  ['an empty file', new Uint8Array(0), /^w\.st: expected at least 8 bytes, got 0$/],
  ['seven bytes', new Uint8Array(7), /got 7$/],
  ['a file cut within the header', GOLDEN.subarray(0, 40), /of 152 bytes, got 32 before/],
  ['a file cut within the values', GOLDEN.subarray(0, -1), /tensor "bias".*byte 12, got 11 bytes/],
  ['a header longer than the file', withLength(165n), /header of 165 bytes, got 164 before/],
  ['a header over 100 MB', withLength(100_000_001n), /at most 100000000 bytes, got .*100000001/],
  ['a length of 2⁶⁴ − 1', withLength(2n ** 64n - 1n), /got length 18446744073709551615/],
  ['no header', file(''), /header in JSON/],
  ['a header that is not JSON', file('{"a":', FOUR), /header in JSON/],
  ['a header that is not UTF-8', file(Uint8Array.of(0x22, 0xff, 0x22)), /header in JSON/],
  ['a header with a byte order mark', file('\ufeff{}'), /header in JSON/],
  ['a header that is an array', file('[]'), /the header to be an object, got \[\]/],
  ['a header that is null', file('null'), /the header to be an object, got null/],
  ['metadata that is an array', file('{"__metadata__":["x"]}'), /__metadata__ to be an object/],
  ['metadata that is null', file('{"__metadata__":null}'), /object, got null/],
  ['a number in metadata', file('{"__metadata__":{"k":1}}'), /"k" to be a string, got 1/],
  ['an object in metadata', file('{"__metadata__":{"k":{}}}'), /"k" to be a string, got \{\}/],
  ['a tensor that is not an object', file('{"a":7}'), /tensor "a": expected an object, got 7/],
  ['a tensor that is null', file('{"a":null}'), /tensor "a": expected an object, got null/],
  ['a dtype of 8 bits', file(headerWith({ dtype: 'F8_E4M3' }), FOUR), /BOOL, got "F8_E4M3"/],
  ['a dtype named like a method', file(headerWith({ dtype: 'toString' }), FOUR), /a dtype of F64/],
  ['no dtype', file(headerWith({ dtype: undefined }), FOUR), /a dtype of .*, got nothing/],
  ['no shape', file(headerWith({ shape: undefined }), FOUR), /a shape of non-negative integers/],
  ['a negative size', file(headerWith({ shape: [-1] }), FOUR), /a shape of .*, got \[-1\]/],
  ['a fractional size', file(headerWith({ shape: [0.5, 2] }), FOUR), /a shape of .*\[0.5,2\]/],
  ['a size in text', file(headerWith({ shape: ['1'] }), FOUR), /a shape of .*\["1"\]/],
  ['a shape of other size', file(headerWith({ shape: [2] }), FOUR), /8 bytes for shape \(2\)/],
  [
    'a shape whose size overflows',
    file(headerWith({ shape: [2 ** 32, 2 ** 32, 0.25 * 2 ** 34] }), FOUR),
    /bytes for shape/,
  ],
  [
    'one offset',
    file(headerWith({ data_offsets: [4] }), FOUR),
    /data_offsets of two non-negative integers/,
  ],
  [
    'a negative offset',
    file(headerWith({ data_offsets: [-4, 0] }), FOUR),
    /two non-negative integers/,
  ],
  [
    'a fractional offset',
    file(headerWith({ data_offsets: [0.5, 4.5] }), FOUR),
    /two non-negative integers/,
  ],
  ['reversed offsets', file(headerWith({ data_offsets: [4, 0] }), FOUR), /4 bytes.*\[4,0\]/],
  ['offsets past the end', file(headerWith({ data_offsets: [0, 4] })), /byte 4, got 0 bytes/],
  ['a gap at the start', file(headerOfRanges({ a: [4, 8] }), [...FOUR, ...FOUR]), /gap/],
  [
    'a gap between tensors',
    file(headerOfRanges({ a: [0, 4], b: [8, 12] }), new Uint8Array(12)),
    /tensor "b": expected data_offsets to begin at 4, got 8, which leaves a gap/,
  ],
  [
    'overlapping tensors',
    file(headerOfRanges({ a: [0, 8], b: [4, 12] }), new Uint8Array(12)),
    /tensor "b": expected data_offsets to begin at 8, got 4, which overlaps/,
  ],
  ['the same values twice', file(headerOfRanges({ a: [0, 4], b: [0, 4] }), FOUR), /overlaps/],
  ['trailing bytes', file(headerOfRanges({ a: [0, 4] }), new Uint8Array(5)), /4 bytes.*, got 5$/],
  [
    'deep JSON in metadata',
    file(`{"__metadata__":{"k":${DEEP}}}`),
    /"k" to be a string, got an array/,
  ],
  ['deep JSON for metadata', file(`{"__metadata__":${DEEP}}`), /__metadata__ to be an object/],
  ['a deep header', file(DEEP), /the header to be an object, got an array of length 1$/],
  ['a deep dtype', file(`{"a":{"dtype":${DEEP}}}`), /a dtype of .*, got an array of length 1$/],
  ['a repeated tensor', file(`{"a":${TENSOR},"a":${TENSOR}}`, FOUR), /"a" twice/],
  ['a repeated, escaped tensor', file(`{"a":${TENSOR},"\\u0061" :${TENSOR}}`, FOUR), /"a" twice/],
  ['a repeated field', file('{"__metadata__":{"k":"{","k":"}"}}'), /"k" twice/],
];

describe('decodeSafetensors of a corrupt file', () => {
  it.each(CORRUPT)('rejects %s', (_, bytes, message) => {
    const decode = () => decodeSafetensors(bytes, 'w.st');
    expect(decode).toThrow(DataError);
    expect(decode).toThrow(message);
    expect(decode).toThrow(/^w\.st: /);
  });

  it('quotes only the start of a long value', () => {
    const bytes = file(JSON.stringify({ ['x'.repeat(1e6)]: 'y'.repeat(1e6) }));
    expect(() => decodeSafetensors(bytes)).toThrow(/^.{1,300}$/);
  });

  it('throws nothing but DataError when bytes of a good file are changed', () => {
    const change = fc.record({ at: fc.nat({ max: GOLDEN.length - 1 }), to: fc.nat({ max: 255 }) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = GOLDEN.slice();
        for (const { at, to } of changes) bytes[at] = to;
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
