import fc from 'fast-check';
import { expect } from 'vitest';
import { dtypeOf } from '../../src/call.js';
import { gradientCaseOf, kernelCaseOf } from '../../src/gradcheck/case.js';
import { checkGradients } from '../../src/gradcheck/check-gradients.js';
import { compareWithReference } from '../../src/gradcheck/compare.js';
import { type Difference, formatDifference, ratioOf } from '../../src/gradcheck/difference.js';
import type { Backend } from '../../src/numerics/backend.js';
import type { Operand } from '../../src/numerics/operands.js';
import { type AnyOptions, SingleCalls } from '../../src/numerics/single-calls.js';
import type { GradientDeclaration, KernelDeclaration } from '../../src/ops/cases.js';
import type { InputRole } from '../../src/ops/define-op.js';
import type { PoolingSizes, PoolingWindow } from '../../src/ops/pooling-window.js';
import { type OPS, type OpName, opNamed } from '../../src/ops/registry.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { callAny, Step } from '../../src/step.js';
import { persistent, type Shape, type Values } from '../../src/tensor.js';

/** Extents from 1 to `max`; small ones and the ends are drawn more often. */
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
 * Checks a property for random sizes, each with its own stream of random values. The seed is fixed, so
 * a failure repeats.
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

/** Expects derived gradients to equal central differences, in float64. */
export async function expectGradients(declaration: GradientDeclaration): Promise<void> {
  const gradientCase = gradientCaseOf(declaration, new RandomStream(1, STREAMS.data));
  expectWithin(gradientCase.title, await checkGradients(gradientCase));
}

/** Expects every kernel of the case to agree with the float64 reference on `backend`. */
export async function expectAgreement(
  declaration: GradientDeclaration | KernelDeclaration,
  backend: Backend,
): Promise<void> {
  const kernelCase = kernelCaseOf(declaration, new RandomStream(1, STREAMS.data));
  expectWithin(kernelCase.title, await compareWithReference(kernelCase, backend));
}

function expectWithin(title: string, worst: Difference): void {
  const message = `${title}: ${formatDifference(worst)}`;
  expect(ratioOf(worst), message).toBeLessThanOrEqual(1);
}

/** Expects equal elements, up to a relative error of a few float32 roundings. */
export function expectNear(got: ArrayLike<number>, want: readonly number[], relative = 5e-7): void {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => {
    const message = `[${i}] is ${got[i]}, expected ${value}`;
    if (!Number.isFinite(value)) expect(got[i], message).toBe(value);
    else expect(Math.abs(got[i] - value), message).toBeLessThanOrEqual(relative * Math.abs(value));
  });
}

export function vector(...data: readonly number[]): Operand {
  return { shape: [data.length], data };
}

export function matrix(...rows: readonly (readonly number[])[]): Operand {
  return { shape: [rows.length, rows[0].length], data: rows.flat() };
}

/** One image of one channel, by rows. */
export function image(...rows: readonly (readonly number[])[]): Operand {
  return { shape: [1, rows.length, rows[0].length, 1], data: rows.flat() };
}

/** A window of equal height and width. */
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

/**
 * Runs one op.
 *
 * @param operands inputs and updates, by role
 * @returns the values of its outputs and updates, by role
 */
export async function runOp<Name extends OpName>(
  backend: Backend,
  op: Name,
  operands: Readonly<Record<InputRole<(typeof OPS)[Name]>, Operand>>,
  options: AnyOptions = {},
): Promise<Record<string, Values>> {
  const calls = new SingleCalls(backend.runtime);
  const results = await backend.exclusive(() => calls.run(op, operands, options));
  return Object.fromEntries(
    Object.entries(await results()).map(([role, { data }]) => [role, data]),
  );
}

/**
 * A function that appends a call with tensors of these shapes, for tests of its shape rule.
 *
 * @param options.into shapes of existing tensors to write
 */
export function callWith<Name extends OpName>(
  op: Name,
  shapes: Readonly<Record<InputRole<(typeof OPS)[Name]>, Shape>>,
  { into = {}, ...options }: AnyOptions & { into?: Readonly<Record<string, Shape>> } = {},
): () => void {
  const tensorsOf = (all: Readonly<Record<string, Shape>>) =>
    Object.fromEntries(
      Object.entries(all).map(([role, shape]) => {
        return [role, persistent(role, shape, dtypeOf(opNamed(op), role))];
      }),
    );
  const tensors = tensorsOf(shapes);
  return () => callAny(new Step(), opNamed(op), tensors, { ...options, into: tensorsOf(into) });
}
