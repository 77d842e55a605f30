/** `handgrad/data`: datasets, loaders, and functions that prepare data for training. */

export { type Dataset, type Normalization, type Splits, validateDataset } from './dataset.js';
export type { DownloadProgress } from './download-progress.js';
export { touch } from './fingerprint.js';
export { type CsvDigitsOptions, parseCsvDigits } from './formats/csv.js';
export { type FileBytes, gunzip } from './formats/gzip.js';
export { type ByteImages, parseIdxImages, parseIdxLabels } from './formats/idx.js';
export { digitDatasets, type LabelledImages, pixelStatistics } from './image-dataset.js';
export { digitImage, type Picture } from './images.js';
export { type LoadMnistOptions, loadMnist } from './mnist.js';
export { type Checksums, MNIST_FILES, MNIST_MIRRORS, type MnistFile } from './mnist-files.js';
export { type Metric, type NearestMeanResult, nearestMean } from './nearest-mean.js';
export { oneAgainstRest, selectClasses, split, take } from './subset.js';
export { noisyLine, noisyParabola, type RegressionOptions } from './synthetic/regression.js';
export {
  type SyntheticOptions,
  syntheticDigits,
  syntheticDigitsAsync,
} from './synthetic/synthetic-digits.js';
