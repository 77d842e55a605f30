/**
 * Converts pictures of a digit, of any size, to the form of MNIST's images:
 *
 *   grey → light ink on dark background → crop → 20×20 box → centre of mass at (14, 14) of 28×28
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits": the digits
 * were scaled to fit a 20×20 box with their aspect ratio kept, and centred in 28×28 by their centre
 * of mass.
 */

import { expectBytes, expectInteger } from '../checks.js';
import { DataError, ShapeError, shown } from '../errors.js';
import { isObject } from '../options.js';
import { bytesOf } from '../typed-arrays.js';

const SIDE = 28;
const BOX = 20;
const CENTRE = 14;
/**
 * Lowest intensity that belongs to the digit when cropping: a quarter of the brightest ink, 255.
 */
const CROP_THRESHOLD = 64;
/** Smallest difference between background and ink, of 255; below it a picture counts as blank. */
const LEAST_CONTRAST = 16;

/** A picture of bytes, such as the output of PNG decoders or a canvas's `ImageData`. */
export interface Picture {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** (height, width, channels), row-major: 1 channel for grey, 3 for RGB, 4 for RGB with alpha. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** One plane of intensities 0 … 255, (height, width). */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float64Array;
}

/**
 * Converts a picture of one digit to a 28×28 image in the form of MNIST's, to predict from.
 *
 * A picture with a bright border is treated as dark ink on paper, and inverted. A 28×28 picture
 * with a dark border is only converted to grey. Transparent pixels count as white paper, or as black if
 * nothing would show on white, such as white strokes on an empty canvas.
 *
 * @returns (784) bytes: 0 is background, 255 is ink
 * @throws ShapeError when `data` does not have 1, 3 or 4 bytes per pixel
 * @throws DataError  for a blank picture, and for values that are not bytes
 * @example
 *   const picture = context.getImageData(0, 0, canvas.width, canvas.height);
 *   const probabilities = await trainer.predict(digitImage(picture)); // (1, 10)
 */
export function digitImage(picture: Picture): Uint8Array {
  expectPicture(picture);
  const onWhite = greyPlane(picture, 255);
  const grey = contrastOf(onWhite) < LEAST_CONTRAST ? greyPlane(picture, 0) : onWhite;
  expectContrast(grey);
  const background = borderMean(grey);
  const isMnistLike = grey.width === SIDE && grey.height === SIDE && background < 128;
  if (isMnistLike) return Uint8Array.from(grey.values, Math.round);
  const digit = crop(lightInk(grey, background));
  const scale = BOX / Math.max(digit.width, digit.height);
  const width = Math.max(1, Math.round(digit.width * scale));
  const height = Math.max(1, Math.round(digit.height * scale));
  return centred(resize(digit, width, height));
}

function expectPicture(picture: Picture): void {
  if (!isObject(picture)) {
    throw new TypeError(`digitImage: expected { width, height, data }, got ${shown(picture)}`);
  }
  expectInteger('digitImage', 'width', picture.width, 0);
  expectInteger('digitImage', 'height', picture.height, 0);
  expectBytes('digitImage', 'data', picture.data);
}

/** Luminance 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), blended with paper by alpha. */
function greyPlane({ width, height, data: values }: Picture, paper: number): Plane {
  const pixels = width * height;
  const data = bytesOf('digitImage', 'data', values);
  const channels = data.length / pixels;
  if (!(pixels > 0 && (channels === 1 || channels === 3 || channels === 4))) {
    throw new ShapeError(
      `digitImage: expected ${width}×${height} pixels of 1, 3 or 4 bytes, got ${data.length} bytes`,
    );
  }
  const luminances = new Float64Array(pixels);
  for (let p = 0, i = 0; p < pixels; p++, i += channels) {
    const luminance =
      channels === 1 ? data[i] : 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
    const opacity = channels === 4 ? data[i + 3] / 255 : 1;
    luminances[p] = opacity * luminance + (1 - opacity) * paper;
  }
  return { width, height, values: luminances };
}

/** The largest difference from the background. */
function contrastOf(plane: Plane): number {
  const background = borderMean(plane);
  const sign = background < 128 ? 1 : -1;
  return plane.values.reduce((most, value) => Math.max(most, sign * (value - background)), 0);
}

function expectContrast(plane: Plane): void {
  const contrast = contrastOf(plane);
  if (contrast >= LEAST_CONTRAST) return;
  throw new DataError(
    `digitImage: expected a digit that differs from its background by at least ${LEAST_CONTRAST} of 255, got ${plane.width}×${plane.height} pixels that differ by at most ${Math.round(contrast)}`,
  );
}

function borderMean({ width, height, values }: Plane): number {
  let sum = 0;
  let count = 0;
  values.forEach((value, p) => {
    const [row, column] = [Math.floor(p / width), p % width];
    if (row > 0 && row < height - 1 && column > 0 && column < width - 1) return;
    sum += value;
    count++;
  });
  return sum / count;
}

/** Scales intensities so that the background is 0 and the strongest ink is 255. */
function lightInk({ width, height, values }: Plane, background: number): Plane {
  const sign = background < 128 ? 1 : -1;
  const ink = values.map((value) => Math.max(sign * (value - background), 0));
  const strongest = ink.reduce((most, value) => Math.max(most, value), 0);
  return { width, height, values: ink.map((value) => (255 * value) / strongest) };
}

/** Crops to the smallest box around the ink. */
function crop({ width, height, values }: Plane): Plane {
  let [left, right, top, bottom] = [width, 0, height, 0];
  values.forEach((value, p) => {
    if (value < CROP_THRESHOLD) return;
    left = Math.min(left, p % width);
    right = Math.max(right, p % width);
    top = Math.min(top, Math.floor(p / width));
    bottom = Math.max(bottom, Math.floor(p / width));
  });
  const box = { width: right - left + 1, height: bottom - top + 1 };
  const cropped = new Float64Array(box.width * box.height);
  for (let row = 0; row < box.height; row++) {
    const start = (top + row) * width + left;
    cropped.set(values.subarray(start, start + box.width), row * box.width);
  }
  return { ...box, values: cropped };
}

/** Area-averaging resize: every new pixel is the mean of the area that it covers. */
function resize(plane: Plane, width: number, height: number): Plane {
  const narrow = resizeRows(plane.values, plane.width, width);
  const transposed = transpose(narrow, plane.height, width);
  const resized = resizeRows(transposed, plane.height, height);
  return { width, height, values: transpose(resized, width, height) };
}

/** Resizes every row of (rows, from) to (rows, to). */
function resizeRows(values: Float64Array, from: number, to: number): Float64Array {
  const rows = values.length / from;
  const resized = new Float64Array(rows * to);
  for (let column = 0; column < to; column++) {
    const start = (column * from) / to;
    const end = ((column + 1) * from) / to;
    for (let source = Math.floor(start); source < end; source++) {
      const covered = Math.min(source + 1, end) - Math.max(source, start);
      const share = covered / (end - start);
      for (let row = 0; row < rows; row++) {
        resized[row * to + column] += share * values[row * from + source];
      }
    }
  }
  return resized;
}

function transpose(values: Float64Array, rows: number, columns: number): Float64Array {
  return values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

/**
 * Places the plane in 28×28 pixels, its centre of mass as near to (14, 14) as whole pixels allow.
 */
function centred({ width, height, values }: Plane): Uint8Array {
  let [mass, sumX, sumY] = [0, 0, 0];
  values.forEach((value, p) => {
    mass += value;
    sumX += value * (p % width);
    sumY += value * Math.floor(p / width);
  });
  const left = clamp(Math.round(CENTRE - sumX / mass), 0, SIDE - width);
  const top = clamp(Math.round(CENTRE - sumY / mass), 0, SIDE - height);
  const image = new Uint8Array(SIDE * SIDE);
  values.forEach((value, p) => {
    image[(top + Math.floor(p / width)) * SIDE + left + (p % width)] = Math.round(value);
  });
  return image;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
