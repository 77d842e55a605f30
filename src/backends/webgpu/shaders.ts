import columnSums from '../../../shaders/column-sums.wgsl';
import conv2d from '../../../shaders/conv2d.wgsl';
import gemm from '../../../shaders/gemm.wgsl';
import linear from '../../../shaders/linear.wgsl';
import matmul from '../../../shaders/matmul.wgsl';
import matrices from '../../../shaders/matrices.wgsl';
import relu from '../../../shaders/relu.wgsl';

/**
 * Every shader's source, by the file's stem. WGSL has no includes: what several share is put behind
 * each of them.
 */
export const SHADERS: Readonly<Record<string, string>> = {
  'column-sums': columnSums,
  conv2d: conv2d + gemm,
  linear: linear + matrices + gemm,
  matmul: matmul + matrices + gemm,
  relu,
};
