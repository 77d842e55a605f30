import type { Layer } from '../layers/layer.js';
import { accuracyOps } from '../ops/accuracy.js';
import type { StepState } from '../ops/step-state.js';
import { stepStateOps } from '../ops/step-state.js';
import { Step } from '../step.js';
import { persistent, type Tensor } from '../tensor.js';
import { type BatchSource, gatherInputs, gatherTargets } from './batch-source.js';
import type { Loss } from './losses/loss.js';
import { clipGradients } from './optimizers/clip-gradients.js';
import type { Optimizer } from './optimizers/optimizer.js';

/** A model with its loss and optimizer, and the options of its training step. */
export interface TrainingSetup {
  readonly model: Layer;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  /** Largest allowed norm of all gradients together; no limit by default. */
  readonly clipNorm?: number | undefined;
  /** Seed of the dropout masks; 0 by default. */
  readonly seed?: number | undefined;
}

/** Tensors that training steps of all batch sizes share, besides those of the model. */
export interface TrainingTensors {
  readonly state: StepState;
  /** Tensors that the optimizer keeps, for each parameter of the model. */
  readonly moments: readonly (readonly Tensor[])[];
}

/** One training step: gather, forward, loss, backward, update. */
export function trainingStep(
  setup: TrainingSetup,
  { state, moments }: TrainingTensors,
  source: BatchSource,
  batchSize: number,
): Step {
  const { model, optimizer, clipNorm, seed = 0 } = setup;
  const step = new Step({ seed, state: state.state, updatesStatistics: true });
  const { L, backward } = appendForward(step, setup, state, source, batchSize);
  backward();
  if (clipNorm !== undefined) {
    step.section('clip');
    clipGradients(step, model.parameters, clipNorm);
  }
  step.section('update');
  model.parameters.forEach((parameter, i) => {
    optimizer.update(step, parameter, moments[i], state);
  });
  appendAdvance(step, state, L, batchSize);
  return step;
}

/**
 * Loss of one batch, and counts of its predictions; parameters and running statistics stay unchanged.
 *
 * @param counters.counts    (K, 2) examples and correct predictions by class, if wanted
 * @param counters.confusion (K, K) confusion counts, if wanted
 */
export function evaluationStep(
  setup: TrainingSetup,
  state: StepState,
  source: BatchSource,
  batchSize: number,
  { counts, confusion }: { readonly counts?: Tensor; readonly confusion?: Tensor },
): Step {
  const step = new Step();
  const { y, t, L } = appendForward(step, setup, state, source, batchSize);
  step.section('metrics');
  if (counts) step.call(accuracyOps.countCorrect, { counts, scores: y, t });
  if (confusion) step.call(accuracyOps.countConfusion, { confusion, scores: y, t });
  appendAdvance(step, state, L, batchSize);
  return step;
}

/** Predictions for one batch of inputs. The predictions are kept for reading. */
export function predictionStep(
  { model, loss }: TrainingSetup,
  state: StepState,
  source: BatchSource,
  batchSize: number,
): { step: Step; predictions: Tensor } {
  const step = new Step();
  step.section('data');
  const x = gatherInputs(step, source, batchSize, state);
  step.section('forward');
  const predictions = loss.predict(step, model.forward(step, x).y);
  step.keep(predictions);
  return { step, predictions };
}

/**
 * Loss and gradients of one batch, as training computes them. The loss is kept for reading; parameters
 * and running statistics stay unchanged.
 */
export function gradientStep(
  setup: TrainingSetup,
  state: StepState,
  source: BatchSource,
  batchSize: number,
): { step: Step; L: Tensor } {
  const step = new Step({ seed: setup.seed ?? 0, state: state.state, updatesStatistics: false });
  const { L, backward } = appendForward(step, setup, state, source, batchSize);
  step.keep(L);
  backward();
  return { step, L };
}

/** The tensors that the optimizer keeps for each parameter, under their names in a checkpoint. */
export function createMoments({ model, optimizer }: TrainingSetup): Tensor[][] {
  return model.parameters.map(({ name, tensor }) =>
    optimizer.moments.map((moment) => persistent(`${moment}.${name}`, tensor.shape)),
  );
}

function appendForward(
  step: Step,
  { model, loss }: TrainingSetup,
  state: StepState,
  source: BatchSource,
  batchSize: number,
) {
  step.section('data');
  const x = gatherInputs(step, source, batchSize, state);
  const t = gatherTargets(step, source, source.targets as Tensor, batchSize, state);
  step.section('forward');
  const { y, backward } = model.forward(step, x);
  step.section('loss');
  const { L, backward: lossBackward } = loss.forward(step, y, t);
  return {
    y,
    t,
    L,
    backward() {
      step.section('backward');
      const dy = lossBackward();
      step.nameGradient(dy, y);
      backward(dy);
    },
  };
}

function appendAdvance(step: Step, { state, losses }: StepState, L: Tensor, batchSize: number) {
  step.section('state');
  step.call(stepStateOps.recordLoss, { losses, L, state });
  step.call(stepStateOps.advance, { state }, { attributes: { batchSize } });
}
