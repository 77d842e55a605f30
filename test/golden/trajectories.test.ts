import { afterAll, describe, it } from 'vitest';
import { createBackend } from '../../src/backends/create.js';
import type { Device } from '../../src/backends/device.js';
import { relu } from '../../src/layers/activations.js';
import type { Layer } from '../../src/layers/layer.js';
import { linear } from '../../src/layers/linear.js';
import { sequential } from '../../src/layers/sequential.js';
import { createStepState, stateWords } from '../../src/ops/step-state.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent, type Tensor, type Values } from '../../src/tensor.js';
import { softmaxCrossEntropy } from '../../src/training/losses.js';
import { adam, type Optimizer, sgd } from '../../src/training/optimizers.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose, readGoldens } from './golden.js';

/** What is stored of a gradient or of weights: see trajectory_goldens.py. */
interface Digest {
  readonly norm: number;
  readonly values: number[];
}

/** An entry of trajectories.json. */
interface Trajectory {
  readonly name: string;
  readonly widths: readonly number[];
  readonly optimizer: 'sgd' | 'adam';
  readonly learningRate: number;
  readonly seed: number;
  readonly batchSize: number;
  /** Where the values of digests lie, by parameter. */
  readonly positions: Readonly<Record<string, readonly number[]>>;
  readonly steps: readonly {
    readonly loss: number;
    readonly gradients: Readonly<Record<string, Digest>>;
  }[];
  /** After the last step. */
  readonly weights: Readonly<Record<string, Digest>>;
}

/** Largest relative errors of losses, gradients and final weights. */
interface Tolerances {
  readonly loss: number;
  readonly gradients: number;
  readonly weights: number;
}

const FLOAT64: Tolerances = { loss: 1e-13, gradients: 1e-13, weights: 1e-13 };

/** Roundings are carried through ten steps; measured: 7·10⁻⁸, 8·10⁻⁶ and 5·10⁻⁷. */
const FLOAT32: Tolerances = { loss: 1e-6, gradients: 5e-5, weights: 5e-6 };

const TRAJECTORIES = await readGoldens<Trajectory>('trajectories.json');

function buildModel(widths: readonly number[]): Layer {
  const layers = widths.slice(1).flatMap((outputs, i) => [linear(widths[i], outputs), relu()]);
  return sequential(...layers.slice(0, -1));
}

function buildOptimizer({ optimizer, learningRate }: Trajectory): Optimizer {
  return optimizer === 'adam' ? adam({ learningRate }) : sgd({ learningRate });
}

/** A network in training: its tensors, and the step that trains it on whatever is in x and t. */
function buildTraining(trajectory: Trajectory) {
  const { widths, batchSize } = trajectory;
  const model = buildModel(widths);
  const loss = softmaxCrossEntropy();
  const optimizer = buildOptimizer(trajectory);
  const state = createStepState();
  const x = persistent('x', [batchSize, widths[0]]);
  const t = persistent('t', [batchSize], 'int32');

  const step = new Step();
  const L = loss.forward(step, model.forward(step, x), t);
  model.backward(step, loss.backward(step));
  for (const parameter of model.parameters) {
    const { shape } = parameter.tensor;
    const moments = optimizer.moments.map((name) => persistent(name, shape));
    optimizer.update(step, parameter, moments, state);
  }
  step.call('recordLoss', { losses: state.losses, L, state: state.state });
  step.call('advance', { state: state.state }, { batchSize });
  return { model, state, x, t, step };
}

function writeBatch(device: Device, x: Tensor, t: Tensor, seed: number, number: number): void {
  const random = new RandomStream(seed, STREAMS.data, number);
  device.write(
    x,
    Float32Array.from({ length: x.size }, () => 2 * random.nextFloat() - 1),
  );
  device.write(
    t,
    Int32Array.from({ length: t.size }, () => random.nextBelow(10)),
  );
}

/** Trains as PyTorch did, and compares every step. */
async function expectTrajectory(
  trajectory: Trajectory,
  device: Device,
  tolerances: Tolerances,
): Promise<void> {
  const { seed, learningRate, positions, steps, weights } = trajectory;
  const { model, state, x, t, step } = buildTraining(trajectory);
  model.parameters.forEach((parameter, i) => {
    const random = new RandomStream(seed, STREAMS.parameters + i);
    device.write(parameter.tensor, parameter.initialValues(random));
  });
  device.write(state.state, stateWords(1, 0));
  device.write(state.schedule, new Float32Array(steps.length).fill(learningRate));
  const executable = await device.compile(step);

  for (const [number, { loss, gradients }] of steps.entries()) {
    writeBatch(device, x, t, seed, number);
    await executable.run(1);
    const losses = await device.read(state.losses);
    expectClose(`loss of step ${number}`, [losses[number]], [loss], tolerances.loss);
    for (const { name, gradient } of model.parameters) {
      const what = `step ${number}: d(${name})`;
      const got = await device.read(gradient);
      expectDigest(what, got, positions[name], gradients[name], tolerances.gradients);
    }
  }
  for (const { name, tensor } of model.parameters) {
    const got = await device.read(tensor);
    expectDigest(name, got, positions[name], weights[name], tolerances.weights);
  }
}

function expectDigest(
  what: string,
  values: Values,
  positions: readonly number[],
  want: Digest,
  relative: number,
): void {
  const norm = Math.hypot(...values);
  expectClose(`norm of ${what}`, [norm], [want.norm], relative);
  const chosen = positions.map((position) => values[position]);
  expectClose(`chosen values of ${what}`, chosen, want.values, relative);
}

const reference = await createBackend('reference', { precision: 'float64' });
afterAll(() => reference.close());

describe('the float64 reference', () => {
  it.each(TRAJECTORIES)('takes the ten steps that PyTorch takes: $name', async (trajectory) => {
    await expectTrajectory(trajectory, reference.device, FLOAT64);
  });
});

describeOnEachBackend('training', (backend) => {
  it.each(TRAJECTORIES)('takes the ten steps that PyTorch takes: $name', async (trajectory) => {
    await expectTrajectory(trajectory, backend.device, FLOAT32);
  });
});
