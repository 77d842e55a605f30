import type { Dataset, Normalization } from '../data/dataset.js';
import { gatherOps } from '../ops/gather.js';
import type { StepState } from '../ops/step-state.js';
import type { Step } from '../step.js';
import { type DataType, persistent, type Tensor } from '../tensor.js';
import { isBytes } from '../typed-arrays.js';

/** Tensors that batches are gathered from. */
export interface BatchSource {
  /** (N, F), bytes or float32. */
  readonly inputs: Tensor;
  /** Class numbers (N) int32, or reals (N, 1); undefined for predictions. */
  readonly targets: Tensor | undefined;
  /** (N) int32: the n-th example of the epoch is row index[n]. */
  readonly index: Tensor;
  /** Mean and standard deviation by which bytes are normalised. */
  readonly normalization: Normalization;
}

/**
 * The tensors of a source, without values.
 *
 * @param size number of examples, N
 * @param features numbers per example, F
 */
export function createSource(
  size: number,
  features: number,
  inputType: DataType,
  targets: 'labels' | 'reals' | 'none',
  normalization: Normalization,
): BatchSource {
  return {
    inputs: persistent('inputs', [size, features], inputType),
    targets: createTargets(size, targets),
    index: persistent('index', [size], 'int32'),
    normalization,
  };
}

function createTargets(size: number, kind: 'labels' | 'reals' | 'none'): Tensor | undefined {
  switch (kind) {
    case 'labels':
      return persistent('labels', [size], 'int32');
    case 'reals':
      return persistent('targets', [size, 1]);
    case 'none':
      return undefined;
    default:
      return kind satisfies never;
  }
}

/** The tensors for a dataset, without values. */
export function sourceOf(dataset: Dataset): BatchSource {
  const { size, features, inputs, classes, normalization } = dataset;
  const inputType = isBytes(inputs) ? 'uint8' : 'float32';
  return createSource(size, features, inputType, classes > 0 ? 'labels' : 'reals', normalization);
}

/** Appends the call that gathers the inputs of the next batch, x (B, F). */
export function gatherInputs(
  step: Step,
  { inputs: data, index, normalization: { mean, std } }: BatchSource,
  batchSize: number,
  { state }: StepState,
): Tensor {
  const like = { x: [batchSize, data.shape[1]] };
  if (data.dtype === 'uint8') {
    const attributes = { mean, std };
    return step.call(gatherOps.gatherBytes, { data, index, state }, { like, attributes }).x;
  }
  return step.call(gatherOps.gatherReals, { data, index, state }, { like }).x;
}

/** Appends the call that gathers the targets of the next batch, t (B) or (B, 1). */
export function gatherTargets(
  step: Step,
  { index }: BatchSource,
  targets: Tensor,
  batchSize: number,
  { state }: StepState,
): Tensor {
  if (targets.dtype === 'int32') {
    const like = { t: [batchSize] };
    return step.call(gatherOps.gatherLabels, { labels: targets, index, state }, { like }).t;
  }
  const like = { x: [batchSize, targets.shape[1]] };
  return step.call(gatherOps.gatherReals, { data: targets, index, state }, { like, as: { x: 't' } })
    .t;
}
