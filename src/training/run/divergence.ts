import { TrainingError } from '../../errors.js';
import type { Tensor, Values } from '../../tensor.js';

/**
 * The error for a loss or weight that is no longer finite.
 *
 * @param found expected and actual value: `a finite loss, got NaN at step 7`
 * @param epoch from 1
 */
export function divergence(found: string, epoch: number, learningRate: number): TrainingError {
  const where = `epoch ${epoch}, learning rate ${Number(learningRate.toPrecision(6))}`;
  return new TrainingError(
    `fit: expected ${found} (${where}); lower the learning rate or limit the gradients with clipNorm; the last good weights are kept`,
  );
}

/** The first value that is not finite, and its tensor, for messages; undefined if all are finite. */
export function infiniteWeight(
  tensors: readonly Tensor[],
  values: readonly Values[],
): string | undefined {
  const isInfinite = (value: number) => !Number.isFinite(value);
  const bad = values.findIndex((array) => array.some(isInfinite));
  return bad < 0 ? undefined : `${values[bad].find(isInfinite)} in ${tensors[bad].name}`;
}
