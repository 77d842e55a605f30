/**
 * The amount of pixel data in a PNG file. The decoder does not check it: for pixels that are missing it
 * returns uninitialised memory.
 *
 *   signature (8), then chunks: length (4), type (4), data (length), checksum (4)
 *   IHDR   width (4), height (4), bit depth (1), colour type (1), …, interlace method (1)
 *   IDAT   parts of one zlib stream: for each row a filter type (1), then its pixels
 *
 * Source: PNG specification, https://www.w3.org/TR/png-3/
 */
import { inflateSync } from 'node:zlib';
import { DataError, reasonOf } from '../../errors.js';

const SIGNATURE_BYTES = 8;
/** Bytes of a chunk besides its data. */
const CHUNK_BYTES = 12;
/** Samples per pixel by colour type: grey, RGB, palette index, grey with alpha, RGBA. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** First column and row of each pass of Adam7 interlacing, and the steps between its pixels. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * Checks that a file has exactly as many bytes of pixels as its header says.
 *
 * @throws DataError for too few or too many, and for data that cannot be unpacked
 */
export function checkPixelBytes(file: Buffer): void {
  const data = chunksOf(file, 'IDAT');
  const [header] = chunksOf(file, 'IHDR');
  if (header === undefined || header.length < 13 || data.length === 0) {
    throw new DataError('no header or no pixels');
  }
  const expected = pixelBytes(header);
  const got = unpackedLength(Buffer.concat(data), expected);
  if (got === expected) return;
  throw new DataError(`${got} of ${expected} bytes of pixels`);
}

/** The file up to the end of its image: bytes behind that are no part of the PNG. */
export function imageOf(file: Buffer): Buffer {
  for (let at = SIGNATURE_BYTES; at + CHUNK_BYTES <= file.length; ) {
    const end = at + CHUNK_BYTES + file.readUInt32BE(at);
    if (file.toString('latin1', at + 4, at + 8) === 'IEND') return file.subarray(0, end);
    at = end;
  }
  return file;
}

/** The data of all chunks of a type, up to the first chunk that is cut off. */
function chunksOf(file: Buffer, type: string): Buffer[] {
  const found: Buffer[] = [];
  for (let at = SIGNATURE_BYTES; at + CHUNK_BYTES <= file.length; ) {
    const begin = at + 8;
    const end = begin + file.readUInt32BE(at);
    if (end + 4 > file.length) break;
    if (file.toString('latin1', at + 4, begin) === type) found.push(file.subarray(begin, end));
    at = end + 4;
  }
  return found;
}

/** Length of the unpacked pixels of a header's image, with a filter byte for each row. */
function pixelBytes(header: Buffer): number {
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const bits = header[8] * (CHANNELS[header[9]] ?? Number.NaN);
  const rows = (columns: number, count: number) =>
    columns > 0 ? count * (1 + Math.ceil((columns * bits) / 8)) : 0;
  if (header[12] === 0) return rows(width, height);
  const bytes = ADAM7.map(([left, top, right, down]) =>
    rows(Math.ceil((width - left) / right), Math.ceil((height - top) / down)),
  );
  return bytes.reduce((sum, each) => sum + each, 0);
}

/** Unpacks at most `limit` bytes, so that a small file cannot fill the memory. */
function unpackedLength(packed: Buffer, limit: number): number {
  if (!Number.isFinite(limit)) throw new DataError('an unknown colour type');
  try {
    return inflateSync(packed, { maxOutputLength: Math.max(limit, 1) }).length;
  } catch (cause) {
    const isTooLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const reason = isTooLong ? `more than ${limit} bytes of pixels` : reasonOf(cause);
    throw new DataError(reason, { cause });
  }
}
