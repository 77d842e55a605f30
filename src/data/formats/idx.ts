/**
 * IDX, the file format of MNIST. All integers are big-endian, 32 bits:
 *
 *   images   2051, count, height, width, then count × height × width bytes (0 background, 255 ink)
 *   labels   2049, count, then count bytes
 *
 * The magic number is 0x0000TTDD: TT = 08 for bytes, DD the number of dimensions.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
 */

import { expectFile } from '../../checks.js';
import { DataError } from '../../errors.js';
import { bytesOf } from '../../typed-arrays.js';

const IMAGES_MAGIC = 2051;
const LABELS_MAGIC = 2049;

/** Grey images of the same size. */
export interface ByteImages {
  /** Number of images. */
  readonly count: number;
  /** Height in pixels. */
  readonly height: number;
  /** Width in pixels. */
  readonly width: number;
  /** (count, height, width), row-major; 0 is background, 255 is ink. */
  readonly pixels: Uint8Array;
}

/**
 * Parses IDX images. The pixels are a view of `content`, not a copy.
 *
 * @param content the bytes of the unpacked file
 * @param file its name, for messages
 * @throws DataError for another format, a size of zero, and missing or surplus bytes
 * @example parseIdxImages(await gunzip(bytes, name), name).count; // 60000
 */
export function parseIdxImages(content: Uint8Array | ArrayBuffer, file: string): ByteImages {
  const bytes = bytesOf(`read ${file}`, 'the content', content);
  const [count, height, width] = readHeader(bytes, file, 'images', IMAGES_MAGIC, 3);
  return { count, height, width, pixels: bytes.subarray(16) };
}

/**
 * Parses IDX labels. The result is a view of `content`, not a copy.
 *
 * @param content the bytes of the unpacked file
 * @param file its name, for messages
 * @returns (count)
 * @throws DataError for another format, a size of zero, and missing or surplus bytes
 */
export function parseIdxLabels(content: Uint8Array | ArrayBuffer, file: string): Uint8Array {
  const bytes = bytesOf(`read ${file}`, 'the content', content);
  readHeader(bytes, file, 'labels', LABELS_MAGIC, 1);
  return bytes.subarray(8);
}

/** The sizes after the magic number, checked against the file's length. */
function readHeader(
  bytes: Uint8Array,
  file: string,
  kind: string,
  magic: number,
  dimensions: number,
): number[] {
  expectFile('parseIdx', bytes, file);
  const headerLength = 4 + 4 * dimensions;
  const operation = `read ${file}: expected`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4 && view.getUint32(0) !== magic) {
    throw new DataError(
      `${operation} IDX ${kind} with magic number ${magic}, got ${view.getUint32(0)}`,
    );
  }
  if (bytes.length < headerLength) {
    throw new DataError(
      `${operation} an IDX header of ${headerLength} bytes, got ${bytes.length} bytes; the file is truncated, download it again`,
    );
  }
  const sizes = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  if (sizes.includes(0)) {
    throw new DataError(`${operation} sizes of at least 1, got ${sizes.join(' × ')}`);
  }
  const expected = sizes.reduce((product, size) => product * size);
  checkLength(bytes.length - headerLength, expected, `${operation} ${sizes.join(' × ')} =`);
  return sizes;
}

function checkLength(got: number, expected: number, operation: string): void {
  if (got === expected) return;
  const hint =
    got < expected ? 'the file is truncated, download it again' : 'the file has surplus bytes';
  throw new DataError(`${operation} ${expected} bytes after the header, got ${got}; ${hint}`);
}
