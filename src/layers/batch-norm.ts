import { expectInteger, expectNumber } from '../checks.js';
import { TrainingError } from '../errors.js';
import { valuesPerChannel } from '../ops/batch-norm.js';
import type { Step } from '../step.js';
import type { Tensor } from '../tensor.js';
import type { Layer } from './layer.js';
import { LayerBuffer, ones, Parameter, zeros } from './parameter.js';

export interface BatchNormOptions {
  /** ε, added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
  /** How far the running statistics move towards the batch's in a step, 0.1 by default. */
  readonly momentum?: number;
}

/**
 * Brings each channel to mean 0 and variance 1 over the batch, and then to a learned mean and spread:
 * y = γ (x − μ) / √(v + ε) + β, on (B, H, W, C) or (B, C). Where nothing is trained, running
 * statistics stand for μ and v. Derivation: src/ops/batch-norm.ts.
 *
 * @param channels C
 * @throws ShapeError or RangeError when an argument is out of its range
 */
export function batchNorm2d(channels: number, options: BatchNormOptions = {}): Layer {
  return new BatchNorm(channels, options);
}

class BatchNorm implements Layer {
  readonly description: string;
  readonly features = undefined;
  readonly #gamma: Parameter;
  readonly #beta: Parameter;
  readonly #runningMean: LayerBuffer;
  readonly #runningVariance: LayerBuffer;
  readonly #epsilon: number;
  readonly #momentum: number;
  #x!: Tensor;
  /** The batch's own, in a step that trains. */
  #statistics: { readonly mean: Tensor; readonly variance: Tensor } | undefined;

  constructor(channels: number, { epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions) {
    expectInteger('batchNorm2d', 'channels', channels);
    expectNumber('batchNorm2d', 'epsilon', epsilon, 0);
    expectNumber('batchNorm2d', 'momentum', momentum, 0, 1);
    this.description = `batchNorm2d(${channels})`;
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

  forward(step: Step, x: Tensor): Tensor {
    const [gamma, beta] = [this.#gamma.tensor, this.#beta.tensor];
    this.#x = x;
    this.#statistics = step.training && this.#batchStatistics(step, x);
    const statistics = this.#statistics ?? {
      mean: this.#runningMean.tensor,
      variance: this.#runningVariance.tensor,
    };
    const y = step.activation('y', x.shape);
    const epsilon = this.#epsilon;
    step.call('batchNormForward', { y, x, ...statistics, gamma, beta }, { epsilon });
    return y;
  }

  /** The calls that compute the batch's statistics and, where they should, have the running ones follow. */
  #batchStatistics(step: Step, x: Tensor) {
    const mean = step.activation('mean', this.#runningMean.tensor.shape);
    const variance = step.activation('variance', this.#runningVariance.tensor.shape);
    step.call('batchNormStatistics', { mean, variance, x });
    if (step.training?.updatesStatistics) {
      const runningMean = this.#runningMean.tensor;
      const runningVariance = this.#runningVariance.tensor;
      const tensors = { runningMean, runningVariance, mean, variance };
      const attributes = { momentum: this.#momentum, N: valuesPerChannel(x.shape) };
      step.call('batchNormUpdateStatistics', tensors, attributes);
    }
    return { mean, variance };
  }

  /** @throws TrainingError in a step that does not train */
  backward(step: Step, dy: Tensor): Tensor {
    const statistics = this.#statistics;
    if (!statistics) {
      throw new TrainingError(
        'batchNorm2d: expected a step that trains for backward, got one that evaluates',
      );
    }
    const [x, gamma] = [this.#x, this.#gamma.tensor];
    const [dGamma, dBeta] = [this.#gamma.gradient, this.#beta.gradient];
    const dx = step.activation('dx', x.shape);
    const epsilon = this.#epsilon;
    const saved = { dy, x, ...statistics };
    step.call('batchNormBackwardParameters', { dGamma, dBeta, ...saved }, { epsilon });
    step.call('batchNormBackwardInput', { dx, ...saved, gamma, dGamma, dBeta }, { epsilon });
    return dx;
  }
}
