import { type Builders, buildFrom, type Description, withoutOptions } from '../../description.js';
import { binaryCrossEntropy } from './binary-cross-entropy.js';
import type { Loss } from './loss.js';
import { mnistLoss } from './mnist-loss.js';
import { softmaxCrossEntropy } from './softmax-cross-entropy.js';
import { squaredError } from './squared-error.js';

const LOSSES: Builders<Loss> = {
  binaryCrossEntropy: withoutOptions('binaryCrossEntropy', binaryCrossEntropy),
  mnistLoss: withoutOptions('mnistLoss', mnistLoss),
  softmaxCrossEntropy: withoutOptions('softmaxCrossEntropy', softmaxCrossEntropy),
  squaredError,
};

/**
 * Builds a loss from its description.
 *
 * @throws DataError for a loss that is not of this library
 * @example lossFrom(JSON.parse(JSON.stringify(loss.description)))
 */
export function lossFrom(description: Description): Loss {
  return buildFrom('loss', LOSSES, description);
}
