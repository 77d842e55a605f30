import fc from 'fast-check';
import { expect } from 'vitest';
import type { Backend } from '../../src/backends/backend.js';
import { EagerOps, type Operand } from '../../src/backends/eager.js';
import type { GradientCase, KernelCase } from '../../src/gradcheck/case.js';
import { checkGradients } from '../../src/gradcheck/check-gradients.js';
import { compareWithReference } from '../../src/gradcheck/compare.js';
import { type Difference, formatDifference, ratioOf } from '../../src/gradcheck/difference.js';
import type { PoolingSizes } from '../../src/gradcheck/image-cases.js';
import type { PoolingWindow } from '../../src/ops/max-pool2d.js';
import type { OpAttributes, OpName, OpTensors } from '../../src/ops/registry.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent, type Shape, type Tensor, type Values } from '../../src/tensor.js';

/** Extents from 1 to `max`; small ones and the ends come up more often. */
export function extent(max: number): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max });
}

/** Images and windows that fit into them: any stride, padding up to half the window. */
export function poolingSizes(largest: {
  readonly extents: number;
  readonly channels: number;
}): fc.Arbitrary<PoolingSizes> {
  const side = fc.tuple(extent(4), extent(3), fc.nat(), fc.nat()).map(([kernel, stride, p, e]) => {
    const padding = p % (Math.floor(kernel / 2) + 1);
    const smallest = Math.max(1, kernel - 2 * padding);
    return { kernel, stride, padding, extent: smallest + (e % largest.extents) };
  });
  return fc.tuple(extent(3), side, side, extent(largest.channels)).map(([B, height, width, C]) => ({
    shape: [B, height.extent, width.extent, C],
    kernel: [height.kernel, width.kernel] as const,
    stride: [height.stride, width.stride] as const,
    padding: [height.padding, width.padding] as const,
  }));
}

/**
 * Checks a property for random sizes, each time with another source of random values. Runs are the
 * same each time, so that a failure repeats.
 */
export function forAll<Sizes>(
  sizes: fc.Arbitrary<Sizes>,
  check: (random: RandomStream, sizes: Sizes) => Promise<void>,
  numRuns = 30,
): Promise<void> {
  const property = fc.asyncProperty(sizes, fc.nat(), (drawn, seed) =>
    check(new RandomStream(seed, STREAMS.data), drawn),
  );
  return fc.assert(property, { seed: 1, numRuns });
}

/** Derived gradients equal central differences, in float64. */
export async function expectGradients(gradientCase: GradientCase): Promise<void> {
  expectWithin(gradientCase.title, await checkGradients(gradientCase));
}

/** Every kernel of the case computes on `backend` what the float64 reference does. */
export async function expectAgreement(kernelCase: KernelCase, backend: Backend): Promise<void> {
  expectWithin(kernelCase.title, await compareWithReference(kernelCase, backend));
}

function expectWithin(title: string, worst: Difference): void {
  const message = `${title}: ${formatDifference(worst)}`;
  expect(ratioOf(worst), message).toBeLessThanOrEqual(1);
}

/** Equal element by element, up to a relative error of a few float32 roundings. */
export function expectNear(got: ArrayLike<number>, want: readonly number[], relative = 5e-7): void {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => {
    const message = `[${i}] is ${got[i]}, expected ${value}`;
    if (!Number.isFinite(value)) expect(got[i], message).toBe(value);
    else expect(Math.abs(got[i] - value), message).toBeLessThanOrEqual(relative * Math.abs(value));
  });
}

export function vector(...values: readonly number[]): Operand {
  return { values, shape: [values.length] };
}

export function matrix(...rows: readonly (readonly number[])[]): Operand {
  return { values: rows.flat(), shape: [rows.length, rows[0].length] };
}

/** One image of one channel, by rows. */
export function image(...rows: readonly (readonly number[])[]): Operand {
  return { values: rows.flat(), shape: [1, rows.length, rows[0].length, 1] };
}

/** A window as high as it is wide. */
export function squareWindow(kernel: number, stride: number, padding = 0): PoolingWindow {
  return {
    kernelHeight: kernel,
    kernelWidth: kernel,
    strideHeight: stride,
    strideWidth: stride,
    paddingHeight: padding,
    paddingWidth: padding,
  };
}

export function integers(...values: readonly number[]): Operand {
  return { values, shape: [values.length], dtype: 'int32' };
}

/**
 * Runs one op.
 *
 * @param operands what it reads, by role
 * @param outputs shapes of what it only writes, by role
 * @returns its outputs, by role
 */
export function runOp<Name extends OpName>(
  backend: Backend,
  op: Name,
  operands: Readonly<Record<string, Operand>>,
  outputs: Readonly<Record<string, Shape>>,
  ...attributes: OpAttributes<Name>
): Promise<Record<string, Values>> {
  const ops = new EagerOps(backend.device);
  return backend.exclusive(() => ops.run(op, operands, outputs, ...attributes));
}

/** Appending a call with tensors of these shapes, for tests of its shape rule. */
export function callWith<Name extends OpName>(
  op: Name,
  shapes: OpTensors<Name, Shape>,
  ...attributes: OpAttributes<Name>
): () => void {
  const tensors = Object.fromEntries(
    Object.entries<Shape>(shapes).map(([role, shape]) => [role, persistent(role, shape)]),
  );
  return () => new Step().call(op, tensors as OpTensors<Name, Tensor>, ...attributes);
}
