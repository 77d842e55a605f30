import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digitImage, nearestMean, type Picture, syntheticDigits } from '../../src/data/index.js';
import { DataError, ShapeError } from '../../src/errors.js';

/** A grey picture of background `ground` with a filled rectangle of `ink`. */
function rectangle(
  [width, height]: [number, number],
  [left, top, boxWidth, boxHeight]: [number, number, number, number],
  ink = 0,
  ground = 255,
): Picture {
  const data = new Uint8Array(width * height).fill(ground);
  for (let row = top; row < top + boxHeight; row++) {
    data.fill(ink, row * width + left, row * width + left + boxWidth);
  }
  return { width, height, data };
}

/** First and last column and row with ink. */
function extent(image: Uint8Array) {
  const inked = [...image.keys()].filter((i) => image[i] > 0);
  const columns = inked.map((i) => i % 28);
  const rows = inked.map((i) => Math.floor(i / 28));
  return {
    left: Math.min(...columns),
    right: Math.max(...columns),
    top: Math.min(...rows),
    bottom: Math.max(...rows),
  };
}

/** Converts a grey picture to the given number of channels, opaque. */
function coloured({ width, height, data }: Picture, channels: 3 | 4): Picture {
  const colours = Array.from(data).flatMap((v) => [v, v, v, 255].slice(0, channels));
  return { width, height, data: Uint8Array.from(colours) };
}

describe('digitImage', () => {
  it('returns a 28×28 picture with a dark border unchanged', () => {
    const { train } = syntheticDigits({ trainSize: 3, testSize: 1 });
    const data = train.inputs.subarray(0, 784) as Uint8Array;
    for (const channels of [3, 4] as const) {
      const picture = coloured({ width: 28, height: 28, data }, channels);
      expect(digitImage(picture)).toEqual(data);
    }
    expect(digitImage({ width: 28, height: 28, data })).toEqual(data);
  });

  it('inverts dark ink on white paper, but not light ink on a dark background', () => {
    const dark = digitImage(rectangle([60, 50], [20, 10, 10, 30], 0, 255));
    const light = digitImage(rectangle([60, 50], [20, 10, 10, 30], 255, 0));
    expect(dark).toEqual(light);
    expect(dark[14 * 28 + 14]).toBe(255);
    expect(dark[0]).toBe(0);
  });

  it('scales the longer side to 20 pixels, keeps the aspect ratio, and centres the digit', () => {
    const tall = digitImage(rectangle([100, 100], [3, 5, 30, 60]));
    expect(extent(tall)).toEqual({ left: 10, right: 19, top: 5, bottom: 24 });
    const wide = digitImage(rectangle([9, 9], [2, 2, 4, 2]));
    expect(extent(wide)).toEqual({ left: 5, right: 24, top: 10, bottom: 19 });
  });

  it('moves the centre of mass, not the middle of the box, to pixel (14, 14)', () => {
    const flag = rectangle([80, 80], [30, 10, 40, 20]);
    for (let row = 30; row < 50; row++) flag.data.fill(0, row * 80 + 30, row * 80 + 45);
    const image = digitImage(flag);
    let [mass, x, y] = [0, 0, 0];
    image.forEach((value, i) => {
      mass += value;
      x += value * (i % 28);
      y += value * Math.floor(i / 28);
    });
    expect(Math.abs(x / mass - 14)).toBeLessThanOrEqual(0.51);
    expect(Math.abs(y / mass - 14)).toBeLessThanOrEqual(0.51);
  });

  it('does not depend on the digit’s position or on the brightness of paper and ink', () => {
    const want = digitImage(rectangle([90, 90], [20, 20, 20, 40]));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 40 }), (x, y) => {
        expect(digitImage(rectangle([90, 90], [x, y, 20, 40], 90, 200))).toEqual(want);
      }),
    );
  });

  it('fills the 20×20 box with any digit', () => {
    const anyBox = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(anyBox, ([width, height]) => {
        const image = digitImage(rectangle([60, 60], [5, 5, width, height]));
        expect(image).toHaveLength(784);
        const { left, right, top, bottom } = extent(image);
        expect(Math.max(right - left, bottom - top) + 1).toBe(20);
      }),
    );
  });

  it('weighs colours by luminance and treats transparent pixels as white', () => {
    const red = rectangle([40, 40], [10, 10, 10, 20]);
    const data = new Uint8Array(40 * 40 * 4);
    red.data.forEach((value, p) => {
      if (value === 0) data.set([200, 0, 0, 255], 4 * p);
    });
    expect(digitImage({ width: 40, height: 40, data })).toEqual(digitImage(red));
  });

  /** A transparent canvas with opaque strokes where the picture has ink. */
  const strokes = ({ width, height, data }: Picture, colour: readonly number[]): Picture => {
    const rgba = new Uint8ClampedArray(4 * width * height);
    data.forEach((value, p) => {
      if (value === 0) rgba.set([...colour, 255], 4 * p);
    });
    return { width, height, data: rgba };
  };

  it.each([
    ['white', [255, 255, 255]],
    ['nearly white', [250, 250, 250]],
    ['light', [200, 200, 200]],
    ['grey', [128, 128, 128]],
    ['black', [0, 0, 0]],
    ['yellow', [255, 255, 200]],
  ])('reads %s strokes on a transparent canvas', (_, colour) => {
    for (const shape of [
      rectangle([40, 40], [10, 10, 10, 20]),
      rectangle([28, 28], [9, 4, 9, 20]),
    ]) {
      const image = digitImage(strokes(shape, colour));
      const { left, right, top, bottom } = extent(image);
      expect([right - left + 1, bottom - top + 1]).toEqual(shape.width === 28 ? [9, 20] : [10, 20]);
    }
  });

  it('recovers digits that were enlarged and drawn in black on white', () => {
    const { train, test } = syntheticDigits({ trainSize: 4000, testSize: 100 });
    const inputs = new Uint8Array(test.inputs.length);
    for (let n = 0; n < test.size; n++) {
      inputs.set(digitImage(onPaper(test.inputs.subarray(n * 784), 7)), n * 784);
    }
    const direct = nearestMean(train, test).accuracy;
    const photographed = nearestMean(train, { ...test, inputs }).accuracy;
    expect(photographed).toBeGreaterThan(direct - 0.1);
  });

  it('rejects a blank picture', () => {
    expect(() => digitImage(rectangle([50, 40], [0, 0, 0, 0]))).toThrow(
      new DataError(
        'digitImage: expected a digit that differs from its background by at least 16 of 255, got 50×40 pixels that differ by at most 0',
      ),
    );
  });

  it.each([
    ['black, in the size of MNIST', rectangle([28, 28], [0, 0, 0, 0], 0, 0)],
    ['nearly black, in the size of MNIST', rectangle([28, 28], [9, 9, 4, 4], 15, 0)],
    ['white, in the size of MNIST', rectangle([28, 28], [0, 0, 0, 0])],
    ['grey', rectangle([64, 64], [0, 0, 0, 0], 0, 128)],
    ['of black noise', rectangle([64, 64], [9, 9, 4, 4], 10, 0)],
    ['an empty canvas', { width: 28, height: 28, data: new Uint8ClampedArray(28 * 28 * 4) }],
    ['a canvas of white', { width: 40, height: 9, data: new Uint8ClampedArray(1440).fill(255) }],
  ])('rejects a picture that is blank: %s', (_, picture) => {
    expect(() => digitImage(picture)).toThrow(/^digitImage: expected a digit that differs/);
    expect(() => digitImage(picture)).toThrow(DataError);
  });

  it('rejects data that does not have 1, 3 or 4 bytes per pixel', () => {
    expect(() => digitImage({ width: 10, height: 10, data: new Uint8Array(200) })).toThrow(
      new ShapeError('digitImage: expected 10×10 pixels of 1, 3 or 4 bytes, got 200 bytes'),
    );
    expect(() => digitImage({ width: 0, height: 0, data: new Uint8Array(0) })).toThrow(ShapeError);
  });
});

/** The 28×28 image in black on white, every pixel `scale` pixels wide, with a margin. */
function onPaper(image: ArrayLike<number>, scale: number): Picture {
  const side = 28 * scale + 40;
  const data = new Uint8Array(side * side).fill(255);
  for (let row = 0; row < 28 * scale; row++) {
    for (let column = 0; column < 28 * scale; column++) {
      const ink = image[Math.floor(row / scale) * 28 + Math.floor(column / scale)];
      data[(row + 10) * side + column + 30] = 255 - ink;
    }
  }
  return { width: side, height: side, data };
}
