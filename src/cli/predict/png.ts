import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import type { Picture } from '../../data/images.js';
import { DataError, reasonOf } from '../../errors.js';

/** Pixels along either side. What is larger would take gigabytes to unpack. */
const LARGEST_SIDE = 4096;

const SIGNATURE = '89504e470d0a1a0a';
/** Where the header chunk has width and height, 32 bits each, big-endian. */
const WIDTH_AT = 16;
const HEIGHT_AT = 20;

/**
 * Reads a PNG of any colour type, as 8 bits each of red, green, blue and alpha.
 *
 * @throws DataError when the file cannot be read, is no PNG, is corrupt, or is too large
 */
export async function readPng(path: string): Promise<Picture> {
  const bytes = await readImageFile(path);
  checkHeader(bytes, path);
  try {
    const { width, height, data } = PNG.sync.read(bytes);
    return { width, height, data };
  } catch (cause) {
    throw new DataError(`read ${path}: expected a whole PNG file, got "${reasonOf(cause)}"`, {
      cause,
    });
  }
}

async function readImageFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(`read ${path}: expected a PNG file, got "${reasonOf(cause)}"`, { cause });
  }
}

/** Before anything is unpacked, since a small file may claim to be a huge image. */
function checkHeader(bytes: Buffer, path: string): void {
  if (bytes.length < HEIGHT_AT + 4 || bytes.toString('hex', 0, 8) !== SIGNATURE) {
    throw new DataError(`read ${path}: expected a PNG file, got ${bytes.length} bytes of another`);
  }
  const [width, height] = [bytes.readUInt32BE(WIDTH_AT), bytes.readUInt32BE(HEIGHT_AT)];
  if (Math.max(width, height) > LARGEST_SIDE) {
    throw new DataError(
      `read ${path}: expected at most ${LARGEST_SIDE}×${LARGEST_SIDE} pixels, got ${width}×${height}; scale it down`,
    );
  }
}
