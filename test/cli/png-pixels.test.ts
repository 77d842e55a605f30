import { writeFile } from 'node:fs/promises';
import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readPng } from '../../src/cli/predict/png.js';
import { DataError } from '../../src/errors.js';
import { useFolder } from './folders.js';

const folder = useFolder();

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

interface Image {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colorType: number;
  readonly interlaced: boolean;
}

/** A PNG file with valid checksums, whatever its pixels are. */
function pngOf({ width, height, bitDepth, colorType, interlaced }: Image, pixels: Uint8Array) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, colorType, 0, 0, Number(interlaced)], 8);
  const packed = deflateSync(pixels);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...(colorType === 3 ? [chunk('PLTE', new Uint8Array(3 * 2 ** bitDepth).fill(9))] : []),
    // The zlib stream may be cut anywhere into chunks.
    chunk('IDAT', packed.subarray(0, 5)),
    chunk('IDAT', packed.subarray(5)),
    chunk('IEND', new Uint8Array()),
  ]);
}

async function read(bytes: Buffer) {
  const path = folder.at('image.png');
  await writeFile(path, bytes);
  return readPng(path);
}

const image = { width: 5, height: 9, bitDepth: 8, colorType: 0, interlaced: false };
const IMAGES: [title: string, image: Image, bytes: number][] = [
  ['grey', image, 9 * (1 + 5)],
  ['grey in 1 bit', { ...image, width: 9, bitDepth: 1 }, 9 * (1 + 2)],
  ['grey in 16 bits', { ...image, bitDepth: 16 }, 9 * (1 + 10)],
  ['RGB', { ...image, colorType: 2 }, 9 * (1 + 15)],
  ['a palette of 4 bits', { ...image, bitDepth: 4, colorType: 3 }, 9 * (1 + 3)],
  ['grey with alpha', { ...image, colorType: 4 }, 9 * (1 + 10)],
  ['RGBA', { ...image, colorType: 6 }, 9 * (1 + 20)],
  // Passes of 1×2, 1×2, 2×1, 1×3, 3×2, 2×5 and 5×4 pixels.
  ['interlaced grey', { ...image, interlaced: true }, 4 + 4 + 3 + 6 + 8 + 15 + 24],
  // Passes of 1×1, none, none, none, 1×1, 1×2 and 2×1 pixels.
  [
    'a small interlaced image',
    { ...image, width: 2, height: 3, interlaced: true },
    2 + 0 + 0 + 0 + 2 + 4 + 3,
  ],
];

describe('readPng', () => {
  it.each(IMAGES)('reads %s', async (_title, image, bytes) => {
    const { width, height, data } = await read(pngOf(image, new Uint8Array(bytes)));
    expect([width, height, data.length]).toEqual([image.width, image.height, 4 * width * height]);
  });

  it.each(IMAGES)('ignores bytes behind the end: %s', async (_title, image, bytes) => {
    const whole = pngOf(image, new Uint8Array(bytes).fill(1));
    const want = await read(whole);
    for (const behind of ['\n', '\0'.repeat(999), whole.toString('latin1'), 'IDAT more text']) {
      expect(await read(Buffer.concat([whole, Buffer.from(behind, 'latin1')]))).toEqual(want);
    }
  });

  it.each(IMAGES)(
    'rejects too few bytes of pixels although all checksums are valid: %s',
    async (_title, image, bytes) => {
      for (const length of [0, 1, bytes >> 1, bytes - 1]) {
        const reading = read(pngOf(image, new Uint8Array(length)));
        await expect(reading).rejects.toThrow(
          `image.png: expected a whole PNG file, got "${length} of ${bytes} bytes of pixels"`,
        );
        await expect(reading).rejects.toBeInstanceOf(DataError);
      }
    },
  );

  it('rejects too many bytes without unpacking them', async () => {
    const bytes = pngOf({ ...image, interlaced: true }, new Uint8Array(10_000_000));
    await expect(read(bytes)).rejects.toThrow('got "more than 64 bytes of pixels"');
  });

  it('rejects a file without pixels, and one of an unknown colour type', async () => {
    const whole = pngOf(image, new Uint8Array(54));
    const begin = whole.indexOf('IDAT') - 4;
    await expect(read(whole.subarray(0, begin))).rejects.toThrow('got "no header or no pixels"');
    const odd = pngOf({ ...image, colorType: 5 }, new Uint8Array(54));
    await expect(read(odd)).rejects.toThrow('got "an unknown colour type"');
  });
});
