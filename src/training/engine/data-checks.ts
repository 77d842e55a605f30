import type { Dataset } from '../../data/dataset.js';
import { ShapeError } from '../../errors.js';
import { createStepState } from '../../ops/step-state.js';
import { Step } from '../../step.js';
import { formatShape } from '../../tensor.js';
import { sourceOf } from '../batch-source.js';
import { createMoments, type TrainingSetup, trainingStep } from '../steps.js';

/** Checks that data fits a model and its loss. */
export class DataChecks {
  readonly #setup: TrainingSetup;
  #features: number | undefined;

  constructor(setup: TrainingSetup) {
    this.#setup = setup;
  }

  /** Numbers per example: those that the model declares, else those of the latest dataset. */
  get features(): number | undefined {
    const { input } = this.#setup.model;
    return typeof input === 'object' ? input.features : this.#features;
  }

  /**
   * Width of the model's output for inputs (B, features).
   *
   * @throws ShapeError when the model does not accept them, or its output is not (B, outputs)
   */
  outputs(features: number): number {
    const step = new Step();
    const { shape } = this.#setup.model.forward(step, step.activation('x', [1, features])).y;
    if (shape.length !== 2) {
      throw new ShapeError(
        `model: expected an output of shape (B, classes), got ${formatShape(shape)}; end the model with flatten or globalAveragePool, and linear`,
      );
    }
    return shape[1];
  }

  /** Number of classes that the loss distinguishes for inputs (B, features); 0 for regression. */
  classes(features: number): number {
    return this.#setup.loss.classes(this.outputs(features));
  }

  /**
   * Checks that model, loss and dataset fit together.
   *
   * @returns the number of classes that the loss distinguishes; 0 for regression
   * @throws ShapeError when the model does not accept the dataset's examples, or the loss does not
   *   accept the model's output or the dataset's targets
   */
  expectFit({ name, features, classes }: Dataset): number {
    this.#features = features;
    const { loss } = this.#setup;
    const known = this.classes(features);
    if (loss.targets === 'labels' && (classes === 0 || classes > known)) {
      throw new ShapeError(
        `${loss.description.name}: expected targets of at most ${known} classes, got ${name} with ${classes === 0 ? 'real numbers' : `${classes} classes`}`,
      );
    }
    if (loss.targets === 'reals' && classes > 0) {
      throw new ShapeError(
        `${loss.description.name}: expected real targets, got ${name} with ${classes} classes; use a loss on labels`,
      );
    }
    return known;
  }

  /**
   * Checks that the model can be trained on full batches and on the smaller last one.
   *
   * @throws ShapeError when it cannot, or when the dataset is smaller than a batch
   */
  expectBatches(dataset: Dataset, batchSize: number): void {
    this.expectFit(dataset);
    if (batchSize > dataset.size) {
      throw new ShapeError(
        `fit: expected a batch of at most ${dataset.size} examples, the size of ${dataset.name}, got ${batchSize}; lower batchSize`,
      );
    }
    const tensors = { state: createStepState(), moments: createMoments(this.#setup) };
    for (const size of [batchSize, dataset.size % batchSize]) {
      if (size > 0) trainingStep(this.#setup, tensors, sourceOf(dataset), size);
    }
  }
}
