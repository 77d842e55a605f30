import { DataError, quoted } from '../../../errors.js';
import { isObject } from '../../../options.js';
import type { EpochRecord } from '../../../training/history.js';

/** The content of history.json. */
export interface SavedHistory {
  readonly epochs: readonly EpochRecord[];
  /** Time of all epochs, including an unfinished last one. */
  readonly trainSeconds: number;
}

const isNumber = (value: unknown) => Number.isFinite(value);
/** JSON has null for a loss that is infinite or NaN. */
const isMetric = (value: unknown) => value === undefined || value === null || isNumber(value);
const isTime = (value: unknown) => isNumber(value) && Number(value) >= 0;

const RECORD_FIELDS: Readonly<Record<keyof EpochRecord, (value: unknown) => boolean>> = {
  epoch: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
  trainLoss: isNumber,
  validLoss: isMetric,
  validAccuracy: isMetric,
  validBalancedAccuracy: isMetric,
  learningRate: isTime,
  seconds: isTime,
};

/**
 * Checks the content of a run's history.json.
 *
 * @param path      the file's name, for messages
 * @param completed epochs that the checkpoint has completed
 * @param epochs    epochs of the whole run
 * @throws DataError when it is not the history of a run with such a checkpoint
 */
export function expectHistory(
  path: string,
  saved: unknown,
  completed: number,
  epochs: number,
): SavedHistory {
  const fail = (expected: string, got: unknown): never => {
    throw new DataError(
      `resume: expected ${path} to have ${expected}, got ${quoted(got)}; restore it, or delete it to go on without the earlier epochs`,
    );
  };
  if (!isObject(saved) || !Array.isArray(saved.epochs)) return fail('a list of epochs', saved);
  if (!isTime(saved.trainSeconds)) return fail('trainSeconds of at least 0', saved.trainSeconds);
  const records: unknown[] = saved.epochs;
  records.forEach((record, i) => {
    for (const [field, isValid] of Object.entries(RECORD_FIELDS)) {
      const value = isObject(record) ? record[field] : undefined;
      if (!isValid(value)) fail(`a number for ${field} in record ${i + 1}`, value);
    }
  });
  const history = saved as unknown as SavedHistory;
  // An earlier session may have gone on without the records of the first epochs.
  const first = history.epochs[0]?.epoch ?? completed + 1;
  history.epochs.forEach(({ epoch }, i) => {
    if (epoch !== first + i) fail(`epoch ${first + i} in record ${i + 1}`, epoch);
  });
  const last = first + records.length - 1;
  if (last < completed) fail(`all ${completed} epochs of the checkpoint`, last);
  if (last > epochs) fail(`at most the ${epochs} epochs of config.json`, last);
  return history;
}
