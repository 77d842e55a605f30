import type { Dataset } from '../data/dataset.js';
import type { Reals } from '../numerics/calls.js';
import { accuracyOf, countsOf } from '../ops/accuracy.js';
import { yieldToEventLoop } from '../platform/event-loop.js';
import type { Batch } from './engine/batch.js';
import { type Counting, type Engine, MAX_STEPS } from './engine/engine.js';
import type { Evaluation } from './history.js';

/** Examples per batch of `evaluate` and `predict`. */
const BATCH_SIZE = 256;
/** No further batch starts before a turn of the event loop if it would probably end after this time. */
const TURN_MILLISECONDS = 40;

/**
 * Evaluates a model on a whole dataset.
 *
 * @param withConfusion whether to return confusion counts, which take memory for classes² numbers
 * @throws ShapeError or DataError when the dataset does not fit the model or is not valid
 */
export async function evaluateDataset(
  engine: Engine,
  dataset: Dataset,
  withConfusion: boolean,
): Promise<Evaluation> {
  const { size: total } = dataset;
  const classes = engine.checks.expectFit(dataset);
  const counting: Counting = withConfusion ? 'confusion' : 'counts';
  const counted = classes > 0 ? counting : undefined;
  const { pace } = await engine.beginEvaluation(dataset, counted, classes);
  let lossSum = 0;
  let previous: Promise<unknown> = Promise.resolve();
  // In a run, the last chunk of training has just ended.
  await yieldToEventLoop();
  for (let start = 0; start < total; ) {
    const size = Math.min(BATCH_SIZE, total - start);
    const batches = Math.min(pace.steps, Math.floor((total - start) / size), MAX_STEPS);
    const began = performance.now();
    const added = engine.evaluate(dataset, size, start, batches, counted).then((losses) => {
      pace.record(began, batches);
      // One by one: the sum must not depend on the size of the chunks.
      for (const loss of losses) lossSum += loss * engine.lossWeight(size);
    });
    // Awaited below; this avoids an unhandled rejection.
    added.catch(() => {});
    // Pipelined: the backend computes this chunk while the losses of the previous one are read.
    await previous;
    previous = added;
    await yieldToEventLoop();
    start += batches * size;
  }
  await previous;
  const loss = lossSum / engine.lossWeight(total);
  if (counted === undefined) {
    const accuracy = { accuracy: Number.NaN, balancedAccuracy: Number.NaN };
    return { loss, ...accuracy, ...(withConfusion && { confusion: new Int32Array() }) };
  }
  const counts = (await engine.readCounters(counted)) as Int32Array;
  if (!withConfusion) return { loss, ...accuracyOf(counts) };
  return { loss, ...accuracyOf(countsOf(counts, classes)), confusion: counts };
}

/** The model's predictions for any number of rows: (size, outputs). */
export async function predictRows(engine: Engine, rows: Batch): Promise<Reals> {
  const { inputs, features } = rows;
  const outputs = engine.checks.outputs(features);
  let result: Reals | undefined;
  const predict = async (start: number) => {
    const size = Math.min(BATCH_SIZE, rows.size - start);
    const batch = inputs.subarray(start * features, (start + size) * features);
    const predictions = await engine.predict({ ...rows, inputs: batch, size });
    result ??= new (predictions.constructor as Float32ArrayConstructor)(rows.size * outputs);
    result.set(predictions, start * outputs);
  };
  const answers: Promise<void>[] = [];
  await engine.access.keeping(async () => {
    let turnBegan = performance.now();
    for (let start = 0; start < rows.size; start += BATCH_SIZE) {
      const began = performance.now();
      const answer = predict(start);
      // Awaited below; this avoids an unhandled rejection.
      answer.catch(() => {});
      answers.push(answer);
      if (!engine.runsAhead) await answer;
      const now = performance.now();
      if (now - turnBegan + (now - began) < TURN_MILLISECONDS) continue;
      await yieldToEventLoop();
      turnBegan = performance.now();
    }
  });
  await Promise.all(answers);
  return result as Reals;
}
