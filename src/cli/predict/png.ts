import { readFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import type { Picture } from '../../data/images.js';
import { DataError, reasonOf } from '../../errors.js';
import { checkPixelBytes, imageOf } from './png-pixels.js';

/** Maximum width and height in pixels. Larger images could take gigabytes to decode. */
const MAX_SIDE = 4096;

const SIGNATURE = '89504e470d0a1a0a';
/** Byte offsets of width and height, which are 32-bit big-endian integers. */
const WIDTH_OFFSET = 16;
const HEIGHT_OFFSET = 20;

/**
 * Reads a PNG file of any colour type as 8-bit RGBA.
 *
 * @throws DataError when the file cannot be read, is not a PNG, is corrupt or is too large
 */
export async function readPng(path: string): Promise<Picture> {
  const bytes = imageOf(await readImageFile(path));
  checkHeader(bytes, path);
  try {
    checkPixelBytes(bytes);
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

/** Checks the size before decoding, since a small file can claim to be a huge image. */
function checkHeader(bytes: Buffer, path: string): void {
  if (bytes.length < HEIGHT_OFFSET + 4 || bytes.toString('hex', 0, 8) !== SIGNATURE) {
    throw new DataError(`read ${path}: expected a PNG file, got another format`);
  }
  const [width, height] = [bytes.readUInt32BE(WIDTH_OFFSET), bytes.readUInt32BE(HEIGHT_OFFSET)];
  if (Math.max(width, height) > MAX_SIDE) {
    throw new DataError(
      `read ${path}: expected at most ${MAX_SIDE}×${MAX_SIDE} pixels, got ${width}×${height}; scale it down`,
    );
  }
}
