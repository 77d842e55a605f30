import accuracy from '../../../shaders/accuracy.wgsl';
import averagePool2d from '../../../shaders/average-pool2d.wgsl';
import batchNorm from '../../../shaders/batch-norm.wgsl';
import globalAveragePool from '../../../shaders/global-average-pool.wgsl';
import gradientNorm from '../../../shaders/gradient-norm.wgsl';
import maxPool2d from '../../../shaders/max-pool2d.wgsl';
import relu from '../../../shaders/relu.wgsl';

/** Every shader's source, by the file's stem. */
export const SHADERS: Readonly<Record<string, string>> = {
  accuracy,
  'average-pool2d': averagePool2d,
  'batch-norm': batchNorm,
  'global-average-pool': globalAveragePool,
  'gradient-norm': gradientNorm,
  'max-pool2d': maxPool2d,
  relu,
};
