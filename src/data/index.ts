/** `handgrad/data`: data sets to train on, and what is done with them before. */

export { parseCsvDigits } from './csv.js';
export { type Dataset, type Normalization, type Splits, validateDataset } from './dataset.js';
export { type FileBytes, gunzip } from './gzip.js';
export { type ByteImages, parseIdxImages, parseIdxLabels } from './idx.js';
export { digitDatasets, type LabelledImages, pixelStatistics } from './image-dataset.js';
export { digitImage, type Picture } from './images.js';
export type { DownloadProgress } from './mirrors.js';
export { type LoadMnistOptions, loadMnist } from './mnist.js';
export { type Checksums, MNIST_FILES, MNIST_MIRRORS, type MnistFile } from './mnist-files.js';
export { type Metric, type NearestMeanResult, nearestMean } from './nearest-mean.js';
export { noisyLine, noisyParabola, type RegressionOptions } from './regression.js';
export { oneAgainstRest, selectClasses, split, take } from './subset.js';
export { type SyntheticOptions, syntheticDigits } from './synthetic.js';
