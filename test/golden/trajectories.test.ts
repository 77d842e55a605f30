import { afterAll, describe, it } from 'vitest';
import type { Runtime } from '../../src/backends/runtime.js';
import type { Layer } from '../../src/layers/layer.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { OPS } from '../../src/ops/registry.js';
import { createStepState, stateWords } from '../../src/ops/step-state.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { RECIPES } from '../../src/recipes.js';
import { Step } from '../../src/step.js';
import { persistent, type Tensor, type Values } from '../../src/tensor.js';
import { softmaxCrossEntropy } from '../../src/training/losses/softmax-cross-entropy.js';
import { adam } from '../../src/training/optimizers/adam.js';
import type { Optimizer } from '../../src/training/optimizers/optimizer.js';
import { sgd } from '../../src/training/optimizers/sgd.js';
import { stateTensors } from '../../src/training/serialization/state.js';
import { describeOnEachBackend } from '../backends.js';
import { residualNetwork } from '../networks.js';
import { expectClose, readGoldens } from './golden.js';

/** Summary of a gradient, of weights or of statistics: see trajectory_goldens.py. */
interface Digest {
  readonly norm: number;
  readonly projection: number;
  readonly values: number[];
}

/** An entry of trajectories.json. */
interface Trajectory {
  readonly name: 'softmax' | 'mlp' | 'mlp-deep' | 'conv' | 'conv-fast' | 'residual';
  readonly optimizer: 'sgd' | 'adam' | 'adam, one cycle';
  readonly learningRate: number;
  readonly seed: number;
  readonly batchSize: number;
  /** Positions of the values of digests, by tensor. */
  readonly positions: Readonly<Record<string, readonly number[]>>;
  readonly steps: readonly {
    readonly loss: number;
    readonly gradients: Readonly<Record<string, Digest>>;
  }[];
  /** Parameters and running statistics after the last step. */
  readonly state: Readonly<Record<string, Digest>>;
}

/** Largest relative errors of losses, gradients and the final state. */
interface Tolerances {
  readonly loss: number;
  readonly gradients: number;
  readonly state: number;
}

const FLOAT64: Tolerances = { loss: 1e-13, gradients: 1e-13, state: 1e-13 };

/**
 * Rounding errors accumulate over the steps; measured: 7·10⁻⁸, 8·10⁻⁶ and 3·10⁻⁶. The least accurate
 * part of the state is β of batch normalisation, which starts at 0 and is a sum of gradients.
 */
const FLOAT32: Tolerances = { loss: 1e-6, gradients: 5e-5, state: 2e-5 };

const TRAJECTORIES = await readGoldens<Trajectory>('trajectories.json');

const SMALL_IMAGE = { channels: 2, height: 10, width: 9 };

function buildModel({ name }: Trajectory): Layer {
  return name === 'residual' ? residualNetwork(SMALL_IMAGE) : RECIPES[name].model();
}

function buildOptimizer({ optimizer, learningRate }: Trajectory): Optimizer {
  if (optimizer === 'sgd') return sgd({ learningRate });
  if (optimizer === 'adam') return adam({ learningRate });
  return RECIPES['conv-fast'].optimizer(learningRate);
}

/** A network in training: its tensors, and the step that trains it on the batch in x and t. */
function buildTraining(trajectory: Trajectory) {
  const { name, batchSize } = trajectory;
  const model = buildModel(trajectory);
  const loss = softmaxCrossEntropy();
  const optimizer = buildOptimizer(trajectory);
  const state = createStepState();
  const { features } = model.input as { readonly features: number };
  const x = persistent('x', [batchSize, features]);
  const t = persistent('t', [batchSize], 'int32');

  const training = { seed: 0, state: state.state, updatesStatistics: true };
  // Without a training mode the step leaves dropout out.
  const step = new Step(name === 'conv' ? undefined : training);
  const forward = model.forward(step, x);
  const { L, backward } = loss.forward(step, forward.y, t);
  forward.backward(backward());
  for (const parameter of model.parameters) {
    const { shape } = parameter.tensor;
    const moments = optimizer.moments.map((name) => persistent(name, shape));
    optimizer.update(step, parameter, moments, state);
  }
  step.call(OPS.recordLoss, { losses: state.losses, L, state: state.state });
  step.call(OPS.advance, { state: state.state }, { attributes: { batchSize } });
  return { model, schedule: optimizer.schedule, state, x, t, step };
}

function writeBatch(runtime: Runtime, x: Tensor, t: Tensor, seed: number, number: number): void {
  const random = new RandomStream(seed, STREAMS.data, number);
  runtime.write(
    x,
    Float32Array.from({ length: x.size }, () => 2 * random.nextFloat() - 1),
  );
  runtime.write(
    t,
    Int32Array.from({ length: t.size }, () => random.nextBelow(10)),
  );
}

/** Trains like PyTorch, and compares every step. */
async function expectTrajectory(
  trajectory: Trajectory,
  runtime: Runtime,
  tolerances: Tolerances,
): Promise<void> {
  const { seed, positions, steps } = trajectory;
  const { model, schedule, state, x, t, step } = buildTraining(trajectory);
  model.parameters.forEach((parameter, i) => {
    const random = new RandomStream(seed, STREAMS.parameters + i);
    runtime.write(parameter.tensor, parameter.initialValues(random));
  });
  for (const { tensor, initialValue } of model.buffers ?? []) {
    runtime.write(tensor, new Float32Array(tensor.size).fill(initialValue));
  }
  runtime.write(state.state, stateWords(1, 0));
  const rates = steps.map((_, number) => schedule.at(number, steps.length, steps.length));
  runtime.write(state.schedule, rates);
  const executable = await runtime.compile(step);

  for (const [number, { loss, gradients }] of steps.entries()) {
    writeBatch(runtime, x, t, seed, number);
    await executable.run(1);
    const losses = await runtime.read(state.losses);
    expectClose(`loss of step ${number}`, [losses[number]], [loss], tolerances.loss);
    for (const { name, gradient } of model.parameters) {
      const what = `step ${number}: d(${name})`;
      const got = await runtime.read(gradient);
      expectDigest(what, got, positions[name], gradients[name], tolerances.gradients);
    }
  }
  for (const { name, tensor } of stateTensors(model)) {
    const got = await runtime.read(tensor);
    expectDigest(name, got, positions[name], trajectory.state[name], tolerances.state);
  }
}

function expectDigest(
  what: string,
  values: Values,
  positions: readonly number[],
  want: Digest,
  relative: number,
): void {
  const summary = summaryOf(values);
  expectClose(`norm and projection of ${what}`, summary, [want.norm, want.projection], relative);
  const chosen = positions.map((position) => values[position]);
  expectClose(`chosen values of ${what}`, chosen, want.values, relative);
}

/** Norm, and projection onto random numbers. */
function summaryOf(values: Values): [number, number] {
  const direction = directionOf(values.length);
  let [squares, projection] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    squares += values[i] ** 2;
    projection += values[i] * direction[i];
  }
  return [Math.sqrt(squares), projection];
}

const directions = new Map<number, Float64Array>();

/** The random numbers that tensors of a size are projected onto; cached, since drawing is slow. */
function directionOf(size: number): Float64Array {
  const drawn = directions.get(size);
  if (drawn) return drawn;
  const random = new RandomStream(0, STREAMS.data, size);
  const direction = Float64Array.from({ length: size }, () => 2 * random.nextFloat() - 1);
  directions.set(size, direction);
  return direction;
}

const reference = await createBackend('reference', { precision: 'float64' });
afterAll(() => reference.close());

describe('the float64 reference', () => {
  it.each(TRAJECTORIES)('takes the same steps as PyTorch: $name', async (trajectory) => {
    await expectTrajectory(trajectory, reference.runtime, FLOAT64);
  });
});

describeOnEachBackend('training', (backend) => {
  it.each(TRAJECTORIES)('takes the same steps as PyTorch: $name', async (trajectory) => {
    await expectTrajectory(trajectory, backend.runtime, FLOAT32);
  });
});
