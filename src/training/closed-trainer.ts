import { TrainingError } from '../errors.js';

/** The error of an operation of a trainer that was closed. */
export function closedTrainer(operation: string): TrainingError {
  return new TrainingError(
    `${operation}: expected an open trainer, got one that was closed; create another one`,
  );
}
