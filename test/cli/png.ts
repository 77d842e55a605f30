import { writeFile } from 'node:fs/promises';
import { type ColorType, PNG, type PNGOptions } from 'pngjs';

export const COLOR_TYPES: Readonly<Record<string, ColorType>> = {
  grey: 0,
  rgb: 2,
  'grey with alpha': 4,
  rgba: 6,
};

interface PictureOptions extends PNGOptions {
  readonly paper?: boolean;
  readonly scale?: number;
}

/**
 * Writes a 28×28 image, whose background is 0 and whose ink is 255.
 *
 * @param paper writes dark ink on white; the default is light on black, as in MNIST
 * @param scale side of the square of file pixels for each image pixel
 */
export async function writePng(
  path: string,
  image: Uint8Array,
  { paper = false, scale = 1, colorType = 6, bitDepth = 8 }: PictureOptions = {},
): Promise<void> {
  const side = 28 * scale;
  const png = new PNG({ width: side, height: side });
  const pixels = new (bitDepth === 16 ? Uint16Array : Uint8Array)(4 * side * side);
  const white = 2 ** bitDepth - 1;
  for (let i = 0; i < side * side; i++) {
    const [row, column] = [Math.floor(i / side), i % side];
    const ink = image[28 * Math.floor(row / scale) + Math.floor(column / scale)];
    const grey = ((paper ? 255 - ink : ink) / 255) * white;
    pixels.set([grey, grey, grey, white], 4 * i);
  }
  png.data = Buffer.from(pixels.buffer);
  await writeFile(path, PNG.sync.write(png, { colorType, bitDepth, inputHasAlpha: true }));
}
