import { describe } from '../../description.js';
import { squaredErrorOps } from '../../ops/squared-error.js';
import { expectOptions } from '../../options.js';
import { expectOneOutput, type Loss } from './loss.js';

/** Options of `squaredError`. */
export interface SquaredErrorOptions {
  /** `mean` (the default) or `sum` over the batch. */
  readonly reduction?: 'mean' | 'sum' | undefined;
}

/**
 * Squared error for regression: the mean or the sum of (y − t)², for outputs y (B, 1) and real targets
 * t (B, 1). Derivation: src/ops/squared-error.ts.
 *
 * @example squaredError({ reduction: 'sum' })
 */
export function squaredError(options: SquaredErrorOptions = {}): Loss {
  expectOptions('squaredError', options, { reduction: ['mean', 'sum'] });
  const { reduction = 'mean' } = options;
  return {
    description: describe('squaredError', { ...options }),
    targets: 'reals',
    reduction,
    classes(outputs) {
      expectOneOutput('squaredError', outputs);
      return 0;
    },
    forward(step, y, t) {
      const attributes = { scale: reduction === 'sum' ? 1 : 1 / y.size };
      const { L } = step.call(squaredErrorOps.squaredErrorForward, { y, t }, { attributes });
      return {
        L,
        backward: () =>
          step.call(squaredErrorOps.squaredErrorBackward, { y, t }, { attributes }).dy,
      };
    },
    predict: (_step, output) => output,
  };
}
