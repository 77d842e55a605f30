import { ReferenceRuntime } from '../backends/reference.js';
import type { Runtime } from '../backends/runtime.js';
import type { Backend } from '../numerics/backend.js';
import { Step } from '../step.js';
import type { Tensor, Values } from '../tensor.js';
import type { GradientCase } from './case.js';
import { type Difference, worse, worstDifference } from './difference.js';

/**
 * Step h of the differences. The error of (f(x + h) − f(x − h)) / 2h is about h² f‴/6 + ε f/h, with
 * ε = 2⁻⁵² in float64. It is smallest near h = ∛ε = 6·10⁻⁶, where it is of the order of 10⁻¹¹.
 */
const STEP_SIZE = 1e-5;

/** How closely gradients must agree with central differences. */
interface Precision {
  /** Largest relative error that passes: far above that of the differences, far below a mistake's. */
  readonly largestError: number;
  /**
   * The error of an element is relative to its own size, but at least to this share of the largest
   * element of the tensor. Relative to a smaller element, rounding errors are large.
   */
  readonly smallShare: number;
}

const FLOAT64: Precision = { largestError: 1e-6, smallShare: 1e-3 };
const FLOAT32: Precision = { largestError: 1e-3, smallShare: 0.1 };

/**
 * Compares hand-derived gradients with central differences of L = Σ dy·y, in float64:
 *
 *   ∂L/∂x[i] ≈ (L(x[i] + h) − L(x[i] − h)) / 2h
 *
 * @returns the element with the largest error relative to its bound; `got` is the derived gradient,
 *   `want` the difference
 */
export async function checkGradients(gradientCase: GradientCase): Promise<Difference> {
  return compareGradients(gradientCase, new ReferenceRuntime('float64'), FLOAT64);
}

/** Compares the gradients that a backend computes in float32 with the same differences, in float64. */
export async function checkGradientsOn(
  backend: Backend,
  gradientCase: GradientCase,
): Promise<Difference> {
  return backend.exclusive(() => compareGradients(gradientCase, backend.runtime, FLOAT32));
}

async function compareGradients(
  gradientCase: GradientCase,
  runtime: Runtime,
  precision: Precision,
): Promise<Difference> {
  const { title } = gradientCase;
  const reference = new ReferenceRuntime('float64');
  writeCase(gradientCase, reference);
  const loss = await compileLoss(gradientCase, reference);
  let worst: Difference | undefined;
  for (const [x, dx, got] of await derivedGradients(gradientCase, runtime)) {
    const want = await centralDifferences(reference, x, loss);
    worst = worse(worst, worstDifference(title, dx, got, want, boundsFor(want, precision)));
  }
  if (worst === undefined) throw new RangeError(`${title}: expected gradients, got none`);
  return worst;
}

function writeCase({ inputs, constants }: GradientCase, runtime: Runtime): void {
  for (const [tensor, values] of [...inputs, ...constants]) runtime.write(tensor, values);
}

/** Runs forward and backward; returns each input with the tensor and the values of its gradient. */
async function derivedGradients(
  gradientCase: GradientCase,
  runtime: Runtime,
): Promise<(readonly [x: Tensor, dx: Tensor, values: Values])[]> {
  const step = new Step();
  gradientCase.forward(step);
  const gradients = gradientCase.backward(step);
  const executable = await runtime.compile(step);
  writeCase(gradientCase, runtime);
  await executable.run(1);
  const read = [...gradients].map(async ([x, dx]) => [x, dx, await runtime.read(dx)] as const);
  const values = await Promise.all(read);
  executable.close();
  runtime.release(step.calls.flatMap(({ tensors }) => Object.values(tensors)));
  return values;
}

/** L as a function of the tensors on the runtime. */
async function compileLoss(
  { forward, dy }: GradientCase,
  runtime: Runtime,
): Promise<() => Promise<number>> {
  const step = new Step();
  const y = forward(step);
  const executable = await runtime.compile(step);
  const weights = dy ? await runtime.read(dy) : Float64Array.of(1);
  return async () => {
    await executable.run(1);
    return dot(weights, await runtime.read(y));
  };
}

async function centralDifferences(
  runtime: Runtime,
  x: Tensor,
  loss: () => Promise<number>,
): Promise<Float64Array> {
  const values = await runtime.read(x);
  const differences = new Float64Array(values.length);
  const lossAt = async (i: number, value: number) => {
    const changed = values.slice();
    changed[i] = value;
    runtime.write(x, changed);
    return loss();
  };
  for (let i = 0; i < values.length; i++) {
    const [above, below] = [values[i] + STEP_SIZE, values[i] - STEP_SIZE];
    // above − below is 2h after rounding.
    differences[i] = ((await lossAt(i, above)) - (await lossAt(i, below))) / (above - below);
  }
  runtime.write(x, values);
  return differences;
}

function boundsFor(
  differences: Float64Array,
  { largestError, smallShare }: Precision,
): (index: number) => number {
  const largest = differences.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return (i) => largestError * Math.max(Math.abs(differences[i]), smallShare * largest);
}

function dot(a: Values, b: Values): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
