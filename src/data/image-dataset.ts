import { expectArray, expectBytes, expectInteger } from '../checks.js';
import { DataError, shown } from '../errors.js';
import { expectKind, isObject } from '../options.js';
import { bytesOf } from '../typed-arrays.js';
import type { Dataset, Normalization, Splits } from './dataset.js';
import type { ByteImages } from './formats/idx.js';

const DIGITS = 10;

/** Images of digits with their labels, before they become a `Dataset`. */
export interface LabelledImages {
  /** Images of the same size. */
  readonly images: ByteImages;
  /** (count): digits 0 … 9. */
  readonly labels: Uint8Array;
  /** File name or origin of the images, for messages. */
  readonly imagesFile: string;
  /** File name or origin of the labels, for messages. */
  readonly labelsFile: string;
}

/**
 * Creates the datasets of two splits. Both are normalised by the mean and standard deviation of the
 * training split, so that nothing about the test split is used in training.
 *
 * @param name the datasets are called `<name> training split` and `<name> test split`
 * @returns inputs (N, height · width) as bytes, targets (N) as class numbers 0 … 9
 * @throws DataError when images and labels differ in number, for labels above 9, when the splits'
 *   images differ in size, and when all training pixels are equal
 */
export function digitDatasets(name: string, train: LabelledImages, test: LabelledImages): Splits {
  expectKind('digitDatasets', 'name', name, 'string');
  expectLabelled('the training split', train);
  expectLabelled('the test split', test);
  checkLabels(train);
  checkLabels(test);
  checkSameShape(train, test);
  const normalization = pixelStatistics(train.images.pixels);
  if (normalization.std === 0) {
    throw new DataError(
      `read ${train.imagesFile}: expected images, got ${train.images.pixels.length} pixels that all equal ${train.images.pixels[0]}`,
    );
  }
  return {
    train: digitDataset(`${name} training split`, train, normalization),
    test: digitDataset(`${name} test split`, test, normalization),
  };
}

/**
 * Computes mean and standard deviation of byte / 255, the constants of normalisation.
 *
 *   mean = (1/N) Σ v,   std = √((1/N) Σ (v − mean)²),   v = byte / 255
 *
 * It sums over a histogram of 256 exact counts, in float64, instead of over the pixels.
 *
 * @param values bytes in any shape, at least one
 * @throws DataError for values that are not bytes
 */
export function pixelStatistics(values: Uint8Array): Normalization {
  const pixels = bytesOf('pixelStatistics', 'pixels', values);
  const counts = new Float64Array(256);
  for (let i = 0; i < pixels.length; i++) counts[pixels[i]]++;
  let sum = 0;
  counts.forEach((count, byte) => {
    sum += (count * byte) / 255;
  });
  const mean = sum / pixels.length;
  let squares = 0;
  counts.forEach((count, byte) => {
    squares += count * (byte / 255 - mean) ** 2;
  });
  return { mean, std: Math.sqrt(squares / pixels.length) };
}

function digitDataset(
  name: string,
  { images: { count, height, width, pixels }, labels, imagesFile }: LabelledImages,
  normalization: Normalization,
): Dataset {
  return {
    name,
    size: count,
    features: height * width,
    inputs: bytesOf(`read ${imagesFile}`, 'pixels', pixels),
    targets: Int32Array.from(labels),
    classes: DIGITS,
    normalization,
    imageShape: [height, width],
  };
}

function expectLabelled(split: string, labelled: LabelledImages): void {
  if (!isObject(labelled) || !isObject(labelled.images)) {
    throw new TypeError(
      `digitDatasets: expected ${split} to be { images, labels, imagesFile, labelsFile }, got ${shown(labelled)}`,
    );
  }
  const { images, labels, imagesFile, labelsFile } = labelled;
  expectKind('digitDatasets', `imagesFile of ${split}`, imagesFile, 'string');
  expectKind('digitDatasets', `labelsFile of ${split}`, labelsFile, 'string');
  for (const size of ['count', 'height', 'width'] as const) {
    expectInteger('digitDatasets', `${size} of ${split}`, images[size]);
  }
  expectBytes('digitDatasets', `pixels of ${split}`, images.pixels);
  expectArray('digitDatasets', `labels of ${split}`, labels);
}

function checkLabels({ images, labels: values, imagesFile, labelsFile }: LabelledImages): void {
  const labels = bytesOf(`read ${labelsFile}`, 'labels', values);
  if (labels.length !== images.count) {
    throw new DataError(
      `read ${labelsFile}: expected ${images.count} labels, one for each image of ${imagesFile}, got ${labels.length}`,
    );
  }
  const index = labels.findIndex((label) => label >= DIGITS);
  if (index < 0) return;
  throw new DataError(
    `read ${labelsFile}: expected labels 0 … 9, got ${labels[index]} at index ${index}`,
  );
}

function checkSameShape(train: LabelledImages, test: LabelledImages): void {
  const { height, width } = train.images;
  if (test.images.height === height && test.images.width === width) return;
  throw new DataError(
    `read ${test.imagesFile}: expected images of ${height}×${width} as in ${train.imagesFile}, got ${test.images.height}×${test.images.width}`,
  );
}
