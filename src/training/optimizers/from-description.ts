import { type Builders, buildFrom, type Description } from '../../description.js';
import { scheduleFrom } from '../schedules.js';
import { adam, adamW } from './adam.js';
import type { Optimizer } from './optimizer.js';
import { sgd } from './sgd.js';

const OPTIMIZERS: Builders<Optimizer> = {
  adam: (options) => adam(withSchedule(options)),
  adamW: (options) => adamW(withSchedule(options)),
  sgd: (options) => sgd(withSchedule(options)),
};

/** The options of an optimizer, with its schedule rebuilt. */
function withSchedule({ learningRate, ...options }: Description['options']) {
  const isRate = typeof learningRate === 'number';
  return {
    ...options,
    learningRate: isRate ? learningRate : scheduleFrom(learningRate as Description),
  };
}

/**
 * Builds an optimizer from its description.
 *
 * @throws DataError for an optimizer or schedule that is not of this library; RangeError for options
 *   that it refuses
 * @example optimizerFrom(JSON.parse(JSON.stringify(optimizer.description)))
 */
export function optimizerFrom(description: Description): Optimizer {
  return buildFrom('optimizer', OPTIMIZERS, description);
}
