import { TERMS_PER_BLOCK } from '../../ops/constants.js';
import type { OpName } from '../../ops/registry.js';
import { Tensor } from '../../tensor.js';

/** Terms that a GEMM adds accurately enough without: 32 ranges of K, of 8 blocks each. */
const LONG_K = 256 * TERMS_PER_BLOCK;

/** Most terms with which a kernel does without the rounding errors of its additions: see assembly/block-sum.ts. */
const TERMS_WITHOUT: ReadonlyMap<OpName, number> = new Map([
  ['matmul', LONG_K],
  ['linearForward', LONG_K],
  ['linearBackwardWeight', LONG_K],
  ['linearBackwardInput', LONG_K],
  ['conv2dForward', LONG_K],
  ['conv2dBiasForward', LONG_K],
  ['conv2dBackwardInput', LONG_K],
  ['conv2dBackwardWeight', LONG_K],
  ['embeddingBackward', TERMS_PER_BLOCK],
]);

/** Memory for the rounding errors of a sum of this many terms in each element of `output`, if its kernel keeps any. */
export function roundingErrors(op: OpName, terms: number, output: Tensor): Tensor | undefined {
  if (terms <= (TERMS_WITHOUT.get(op) ?? Number.POSITIVE_INFINITY)) return undefined;
  return new Tensor(`rounding errors of ${output.name}`, output.shape, 'activation');
}
