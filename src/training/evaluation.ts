import type { Dataset } from '../data/dataset.js';
import type { Reals } from '../numerics/core.js';
import { accuracyOf } from '../ops/accuracy.js';
import { yieldToEventLoop } from '../platform/event-loop.js';
import type { Batch } from './engine/batch.js';
import type { Engine, EvaluationSums } from './engine/engine.js';
import type { Evaluation } from './history.js';

/** Examples per batch of `evaluate` and `predict`. */
const BATCH_SIZE = 256;
/** Batches between two turns of the event loop. */
const BATCHES_PER_CHUNK = 16;

/**
 * Evaluates a model on a whole dataset.
 *
 * @throws ShapeError or DataError when the dataset does not fit the model or is not valid
 */
export async function evaluateDataset(engine: Engine, dataset: Dataset): Promise<Evaluation> {
  const { size: total } = dataset;
  const classes = engine.checkDataset(dataset);
  const confusion = new Int32Array(classes * classes);
  let lossSum = 0;
  const add = (sums: EvaluationSums) => {
    lossSum += sums.loss;
    sums.confusion?.forEach((value: number, i: number) => {
      confusion[i] += value;
    });
  };
  // Not awaited yet: the first chunk is queued in this turn, before a later call such as `close`.
  let previous: Promise<unknown> = engine.upload(dataset);
  previous.catch(() => {});
  for (const { start, size, count } of evaluationChunks(total)) {
    const added = engine.evaluate(dataset, size, start, count, classes).then(add);
    // Awaited below; this avoids an unhandled rejection.
    added.catch(() => {});
    // Pipelined: the backend computes this chunk while the sums of the previous one are read.
    await previous;
    previous = added;
    await yieldToEventLoop();
  }
  await previous;
  const loss = lossSum / engine.lossWeight(total);
  return { loss, ...accuracyOf(confusion, classes), confusion };
}

/** The model's predictions for any number of rows: (size, outputs). */
export async function predictRows(engine: Engine, rows: Batch): Promise<Reals> {
  const { inputs, features } = rows;
  const outputs = engine.outputs(features);
  let result: Reals | undefined;
  for (let start = 0; start < rows.size; start += BATCH_SIZE) {
    const size = Math.min(BATCH_SIZE, rows.size - start);
    const batch = inputs.subarray(start * features, (start + size) * features);
    const predictions = await engine.predict({ ...rows, inputs: batch, size });
    result ??= new (predictions.constructor as Float32ArrayConstructor)(rows.size * outputs);
    result.set(predictions, start * outputs);
    if ((start / BATCH_SIZE) % BATCHES_PER_CHUNK === BATCHES_PER_CHUNK - 1) {
      await yieldToEventLoop();
    }
  }
  return result as Reals;
}

/** Full batches, at most `BATCHES_PER_CHUNK` per chunk, then the smaller last batch. */
function* evaluationChunks(total: number) {
  const size = Math.min(BATCH_SIZE, total);
  const fullBatches = Math.floor(total / size);
  for (let batch = 0; batch < fullBatches; batch += BATCHES_PER_CHUNK) {
    const count = Math.min(BATCHES_PER_CHUNK, fullBatches - batch);
    yield { start: batch * size, size, count };
  }
  const remaining = total - fullBatches * size;
  if (remaining > 0) yield { start: fullBatches * size, size: remaining, count: 1 };
}
