/** Two small regression problems: a line and a parabola, with noise. */

import { expectSeed } from '../../checks.js';
import { DataError, shown } from '../../errors.js';
import { expectOptions, type Kinds } from '../../options.js';
import { RandomStream, STREAMS } from '../../random/threefry.js';
import type { Dataset } from '../dataset.js';

/** Options of `noisyLine` and `noisyParabola`. */
export interface RegressionOptions {
  /** The same seed gives the same points; an integer from 0 to 2³² − 1, 0 by default. */
  readonly seed?: number | undefined;
  /** Number of points N; 100 for the line and 20 for the parabola by default. */
  readonly size?: number | undefined;
}

const OPTIONS: Kinds<RegressionOptions> = { size: 'any', seed: 'integer' };

/**
 * Generates points near a line:
 *
 *   y = 2x + 1 + 0.1 ε,   x uniform on [−1, 1),   ε standard normal
 *
 * @returns inputs (N, 1), targets (N)
 * @throws DataError for a size that is not a positive integer, ShapeError for a seed out of range
 */
export function noisyLine(options: RegressionOptions = {}): Dataset {
  expectOptions('noisyLine', options, OPTIONS);
  const { seed = 0, size = 100 } = options;
  checkSize('noisyLine', size);
  expectSeed('noisyLine', 'seed', seed);
  const random = new RandomStream(seed, STREAMS.data, 0);
  const inputs = new Float32Array(size);
  const targets = new Float32Array(size);
  for (let n = 0; n < size; n++) {
    const x = 2 * random.nextFloat() - 1;
    inputs[n] = x;
    targets[n] = 2 * x + 1 + 0.1 * random.nextNormal();
  }
  return regressionDataset('noisy line', inputs, targets, 1);
}

/**
 * Generates points near a parabola, at evenly spaced t from −2 to 2:
 *
 *   y = (3t² + 2t + 1)(1 + 0.15 ε) + 1.5 η,   ε, η standard normal
 *
 * The inputs are the features (t², t), so that a linear model learns a, b and c of at² + bt + c.
 *
 * @returns inputs (N, 2), targets (N)
 * @throws DataError for a size that is not a positive integer, ShapeError for a seed out of range
 */
export function noisyParabola(options: RegressionOptions = {}): Dataset {
  expectOptions('noisyParabola', options, OPTIONS);
  const { seed = 0, size = 20 } = options;
  checkSize('noisyParabola', size);
  expectSeed('noisyParabola', 'seed', seed);
  const random = new RandomStream(seed, STREAMS.data, 1);
  const inputs = new Float32Array(2 * size);
  const targets = new Float32Array(size);
  for (let n = 0; n < size; n++) {
    const t = size === 1 ? 0 : (4 * n) / (size - 1) - 2;
    inputs[2 * n] = t * t;
    inputs[2 * n + 1] = t;
    const y = 3 * t * t + 2 * t + 1;
    targets[n] = y * (1 + 0.15 * random.nextNormal()) + 1.5 * random.nextNormal();
  }
  return regressionDataset('noisy parabola', inputs, targets, 2);
}

function regressionDataset(
  name: string,
  inputs: Float32Array,
  targets: Float32Array,
  features: number,
): Dataset {
  const normalization = { mean: 0, std: 1 };
  return { name, size: targets.length, features, inputs, targets, classes: 0, normalization };
}

function checkSize(operation: string, size: number): void {
  if (Number.isSafeInteger(size) && size >= 1) return;
  throw new DataError(`${operation}: expected a size of at least 1, got ${shown(size)}`);
}
