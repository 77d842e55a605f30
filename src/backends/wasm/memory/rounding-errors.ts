import { TERMS_PER_BLOCK } from '../../../ops/constants.js';
import type { OpName } from '../../../ops/registry.js';
import { Tensor } from '../../../tensor.js';

/** Most terms that a GEMM adds without compensation: 32 ranges of K, of 8 blocks each. */
const GEMM_TERMS = 256 * TERMS_PER_BLOCK;

/** Most terms that the kernels of an op add without compensation: see assembly/block-sum.ts. */
const UNCOMPENSATED_TERMS: ReadonlyMap<OpName, number> = new Map([
  ['matmul', GEMM_TERMS],
  ['linearForward', GEMM_TERMS],
  ['linearBackwardWeight', GEMM_TERMS],
  ['linearBackwardInput', GEMM_TERMS],
  ['conv2dForward', GEMM_TERMS],
  ['conv2dBiasForward', GEMM_TERMS],
  ['conv2dBackwardInput', GEMM_TERMS],
  ['conv2dBackwardWeight', GEMM_TERMS],
  ['embeddingBackward', TERMS_PER_BLOCK],
]);

/** Memory for the compensation of a sum of this many terms in each element of `output`, if its kernel needs any. */
export function roundingErrors(op: OpName, terms: number, output: Tensor): Tensor | undefined {
  if (terms <= (UNCOMPENSATED_TERMS.get(op) ?? Number.POSITIVE_INFINITY)) return undefined;
  return new Tensor(`rounding errors of ${output.name}`, output.shape, 'activation');
}
