import columnSums from '../../../shaders/column-sums.wgsl';
import gemm from '../../../shaders/gemm.wgsl';
import linear from '../../../shaders/linear.wgsl';
import matmul from '../../../shaders/matmul.wgsl';
import matrices from '../../../shaders/matrices.wgsl';
import relu from '../../../shaders/relu.wgsl';

/** Every shader's source, by the file's stem. What several share, since WGSL has no includes, is behind. */
export const SHADERS: Readonly<Record<string, string>> = {
  'column-sums': columnSums,
  linear: linear + matrices + gemm,
  matmul: matmul + matrices + gemm,
  relu,
};
