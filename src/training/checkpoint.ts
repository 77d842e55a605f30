import { DataError, TrainingError } from '../errors.js';
import type { Tensor, Values } from '../tensor.js';
import type { RunPosition } from './run.js';
import type { SafetensorsContent, TensorData } from './safetensors.js';

/** A run in the middle: tensors in this library's layouts, and as metadata where it stands. */
export type Checkpoint = SafetensorsContent;

interface Identity {
  readonly seed: number;
  readonly batchSize: number;
}

/** Puts a checkpoint together. */
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
 * Where the run of a checkpoint stands.
 *
 * @throws DataError when it is no checkpoint
 * @throws TrainingError when it was taken with another seed or batch size
 */
export function readPosition({ metadata }: Checkpoint, trainer: Identity): RunPosition {
  const saved = parse(metadata.handgrad);
  for (const key of ['seed', 'batchSize'] as const) {
    if (saved[key] !== trainer[key]) {
      throw new TrainingError(
        `restore: expected a checkpoint of ${key} ${trainer[key]}, got ${saved[key]}`,
      );
    }
  }
  const [updatesBefore, epochsBefore, step] = FIELDS.map((field) => saved[field]);
  return { updatesBefore, epochsBefore, step, lossSum: saved.lossSum };
}

function parse(text: string | undefined): Record<string, number> {
  let saved: Record<string, number> | undefined;
  try {
    saved = JSON.parse(text ?? '');
  } catch {
    saved = undefined;
  }
  const isSound =
    saved &&
    FIELDS.every((field) => Number.isSafeInteger(saved[field]) && saved[field] >= 0) &&
    Number.isFinite(saved.lossSum);
  if (!saved || !isSound) {
    throw new DataError(
      `restore: expected a checkpoint's position in the metadata, got ${text ?? 'none'}`,
    );
  }
  return saved;
}
