import { DataError } from '../errors.js';
import type { Dataset, Normalization, Splits } from './dataset.js';
import type { ByteImages } from './idx.js';

const DIGITS = 10;

/** Images of digits with their labels, as read from files. */
export interface LabelledImages {
  readonly images: ByteImages;
  /** (count), 0 … 9. */
  readonly labels: Uint8Array;
  /** Where the images came from, for messages. */
  readonly imagesFile: string;
  /** Where the labels came from, for messages. */
  readonly labelsFile: string;
}

/**
 * Makes datasets of two splits; both are normalised by the training split's mean and standard
 * deviation, since a test split's own would be knowledge of the test.
 *
 * @param name what it is: the datasets are called `<name> training split` and `<name> test split`
 * @throws DataError for labels that do not fit the images, labels above 9, splits whose images
 *   differ in size, and training images of a single grey
 */
export function digitDatasets(name: string, train: LabelledImages, test: LabelledImages): Splits {
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
 * Mean and standard deviation of byte / 255: the constants of normalisation.
 *
 *   mean = (1/N) Σ v,   std = √((1/N) Σ (v − mean)²),   v = byte / 255
 *
 * A histogram is summed instead of the pixels: 256 exact counts, then 256 terms in float64.
 *
 * @param pixels any shape, at least one
 */
export function pixelStatistics(pixels: Uint8Array): Normalization {
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
  { images: { count, height, width, pixels }, labels }: LabelledImages,
  normalization: Normalization,
): Dataset {
  return {
    name,
    size: count,
    features: height * width,
    inputs: pixels,
    targets: Int32Array.from(labels),
    classes: DIGITS,
    normalization,
    imageShape: [height, width],
  };
}

function checkLabels({ images, labels, imagesFile, labelsFile }: LabelledImages): void {
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
