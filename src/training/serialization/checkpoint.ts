import { DataError, shown, TrainingError } from '../../errors.js';
import { isObject } from '../../options.js';
import type { Tensor, Values } from '../../tensor.js';
import type { RunPosition } from '../run/run-settings.js';
import type { SafetensorsContent, TensorData } from './safetensors.js';

/** An unfinished run: tensors in this library's layouts, and the run's position as metadata. */
export type Checkpoint = SafetensorsContent;

interface Identity {
  readonly seed: number;
  readonly batchSize: number;
}

/**
 * Builds a checkpoint.
 *
 * @param values of each tensor, in the order of `tensors`
 */
export function checkpointValues(
  { seed, batchSize }: Identity,
  tensors: readonly Tensor[],
  values: readonly Values[],
  position: RunPosition,
): Checkpoint {
  const entries = tensors.map(({ name, shape }, i): [string, TensorData] => [
    name,
    { shape, data: Float32Array.from(values[i]) },
  ]);
  const metadata = { handgrad: JSON.stringify({ seed, batchSize, ...position }) };
  return { tensors: new Map(entries), metadata };
}

const FIELDS = ['updatesBefore', 'epochsBefore', 'step'] as const;

/**
 * Reads the position of a checkpoint's run.
 *
 * @throws DataError when the metadata has no valid position
 * @throws TrainingError when the checkpoint has another seed or batch size than the trainer
 */
export function readPosition(checkpoint: Checkpoint, trainer: Identity): RunPosition {
  if (!isObject(checkpoint?.metadata)) {
    throw new TypeError(
      `restore: expected { tensors, metadata }, the result of checkpoint(), got ${shown(checkpoint)}`,
    );
  }
  const saved = parse(checkpoint.metadata.handgrad);
  for (const key of ['seed', 'batchSize'] as const) {
    if (saved[key] !== trainer[key]) {
      throw new TrainingError(
        `restore: expected a checkpoint with ${key} ${trainer[key]}, got ${saved[key]}`,
      );
    }
  }
  const [updatesBefore, epochsBefore, step] = FIELDS.map((field) => saved[field]);
  return { updatesBefore, epochsBefore, step, lossSum: saved.lossSum, data: saved.data };
}

type Saved = Record<string, number> & { readonly data?: string };

function parse(text: string | undefined): Saved {
  let saved: Saved | undefined;
  try {
    saved = JSON.parse(text ?? '');
  } catch {
    saved = undefined;
  }
  const isValid =
    saved &&
    FIELDS.every((field) => Number.isSafeInteger(saved[field]) && saved[field] >= 0) &&
    Number.isFinite(saved.lossSum) &&
    (typeof saved.data === 'string' || saved.step === 0);
  if (!saved || !isValid) {
    throw new DataError(
      `restore: expected the position of a run in the metadata, got ${text ?? 'none'}; pass what checkpoint() returned`,
    );
  }
  return saved;
}
