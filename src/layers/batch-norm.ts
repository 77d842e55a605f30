import { expectInteger, expectNumber } from '../checks.js';
import { type Description, describe } from '../description.js';
import { TrainingError } from '../errors.js';
import { batchNormOps, valuesPerChannel } from '../ops/batch-norm.js';
import { runningStatisticsOps } from '../ops/running-statistics.js';
import { expectLastAxis } from '../ops/shape-checks.js';
import { expectOptions } from '../options.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Forward, Layer } from './layer.js';
import { ones, zeros } from './parameters/initializers.js';
import { LayerBuffer, Parameter } from './parameters/parameter.js';

/** Options of `batchNorm2d`. */
export interface BatchNormOptions {
  /** ε, added to the variance; 1e-5 by default. */
  readonly epsilon?: number | undefined;
  /** Weight of the batch in each update of the running statistics, 0 to 1; 0.1 by default. */
  readonly momentum?: number | undefined;
}

/**
 * Normalises each channel to mean 0 and variance 1 over the batch, then scales and shifts it by
 * learned parameters: y = γ (x − mean) / √(variance + ε) + β, for x of shape (B, H, W, C) or (B, C).
 * Evaluation and prediction use running statistics. Derivation: src/ops/batch-norm.ts.
 *
 * Parameters: weight γ and bias β, (channels). Buffers: running_mean and running_var, (channels).
 *
 * @param channels C
 * @throws ShapeError unless `channels` is a positive integer, RangeError for options out of range
 * @example batchNorm2d(64)
 */
export function batchNorm2d(channels: number, options: BatchNormOptions = {}): Layer {
  return new BatchNorm(channels, options);
}

class BatchNorm implements Layer {
  readonly description: Description;
  readonly input = 'any';
  readonly #gamma: Parameter;
  readonly #beta: Parameter;
  readonly #runningMean: LayerBuffer;
  readonly #runningVariance: LayerBuffer;
  readonly #epsilon: number;
  readonly #momentum: number;

  constructor(channels: number, options: BatchNormOptions) {
    expectOptions('batchNorm2d', options, { epsilon: 'number', momentum: 'number' });
    const { epsilon = 1e-5, momentum = 0.1 } = options;
    expectInteger('batchNorm2d', 'channels', channels);
    expectNumber('batchNorm2d', 'epsilon', epsilon, 0);
    expectNumber('batchNorm2d', 'momentum', momentum, 0, 1);
    this.description = describe('batchNorm2d', { channels, ...options });
    const shape = [channels];
    this.#gamma = new Parameter('weight', shape, { fanIn: 1, initializer: ones() });
    this.#beta = new Parameter('bias', shape, { fanIn: 1, initializer: zeros() });
    this.#runningMean = new LayerBuffer('running_mean', shape, 0);
    this.#runningVariance = new LayerBuffer('running_var', shape, 1);
    this.#epsilon = epsilon;
    this.#momentum = momentum;
  }

  get parameters(): readonly Parameter[] {
    return [this.#gamma, this.#beta];
  }

  get buffers(): readonly LayerBuffer[] {
    return [this.#runningMean, this.#runningVariance];
  }

  forward(step: Step, x: Tensor): Forward {
    const { tensor: gamma, gradient: dGamma } = this.#gamma;
    const { tensor: beta, gradient: dBeta } = this.#beta;
    // Names the layer and its channels; the op would compare the statistics of x with the running ones.
    expectLastAxis('batchNorm2d', x.shape, gamma.size, 'channels');
    const attributes = { epsilon: this.#epsilon };
    const statistics = step.training ? this.#batchStatistics(step, x) : this.#runningStatistics;
    const { y } = step.call(
      batchNormOps.batchNormForward,
      { x, ...statistics, gamma, beta },
      { attributes },
    );
    return {
      y,
      backward(dy) {
        if (!step.training) {
          throw new TrainingError(
            'batchNorm2d: expected a step that trains for backward, got one that evaluates',
          );
        }
        const saved = { dy, x, ...statistics };
        const into = { dGamma, dBeta };
        step.call(batchNormOps.batchNormBackwardParameters, saved, { attributes, into });
        const inputs = { ...saved, gamma, dGamma, dBeta };
        return step.call(batchNormOps.batchNormBackwardInput, inputs, { attributes }).dx;
      },
    };
  }

  get #runningStatistics() {
    return { mean: this.#runningMean.tensor, variance: this.#runningVariance.tensor };
  }

  /** Appends the statistics of the batch and, in a step that updates, the update of the running ones. */
  #batchStatistics(step: Step, x: Tensor) {
    const { mean, variance } = step.call(batchNormOps.batchNormStatistics, { x });
    if (step.training?.updatesStatistics) {
      const runningMean = this.#runningMean.tensor;
      const runningVariance = this.#runningVariance.tensor;
      const tensors = { runningMean, runningVariance, mean, variance };
      const attributes = { momentum: this.#momentum, N: valuesPerChannel(x.shape) };
      step.call(runningStatisticsOps.updateRunningStatistics, tensors, { attributes });
    }
    return { mean, variance };
  }
}
