import { type RandomStream, shuffle } from '../random/threefry.js';
import type { Step } from '../step.js';
import { persistent, type Shape, type Tensor, type Values } from '../tensor.js';

/** Kernel calls to run, with the values they start from. All tensors are persistent. */
export interface KernelCase {
  /** What it is, with its sizes: `matmul (3, 5)·(5, 2)`. */
  readonly title: string;
  /** Every tensor that a call reads before another has written it. */
  readonly values: ReadonlyMap<Tensor, Values>;
  append(step: Step): void;
}

/** A differentiable function y(inputs), with its hand-derived gradient. */
export interface GradientCase {
  readonly title: string;
  /** What y is differentiated by. */
  readonly inputs: ReadonlyMap<Tensor, Values>;
  /** What it is not differentiated by: targets, and dy. */
  readonly constants: ReadonlyMap<Tensor, Values>;
  /** Gradient of y that backward starts from; absent for a loss, whose own gradient is 1. */
  readonly dy?: Tensor;
  /** Appends the calls that compute y, and returns it. */
  forward(step: Step): Tensor;
  /** Appends, after `forward`, the calls that compute the gradients, and returns one per input. */
  backward(step: Step): ReadonlyMap<Tensor, Tensor>;
}

/** Forward and backward of a differentiable function as calls to compare. */
export function kernelsOf(gradientCase: GradientCase): KernelCase {
  const { title, inputs, constants } = gradientCase;
  return {
    title,
    values: new Map([...inputs, ...constants]),
    append(step) {
      gradientCase.forward(step);
      gradientCase.backward(step);
    },
  };
}

const SMALLEST = 0.1;
const LARGEST = 2;

/**
 * Random reals of either sign, from 0.1 to 2 in magnitude. None is zero, since zeros hide mistakes;
 * and none is so near zero that a difference step would cross it, where ReLU has its corner.
 */
export function drawReals(random: RandomStream, size: number): Float32Array {
  return Float32Array.from({ length: size }, () => {
    const magnitude = SMALLEST + (LARGEST - SMALLEST) * random.nextFloat();
    return random.nextBelow(2) === 0 ? magnitude : -magnitude;
  });
}

/**
 * Random reals from −2 to 2 in any order, all equally far apart: the largest of some is so by more
 * than a difference step.
 */
export function drawDistinctReals(random: RandomStream, size: number): Float32Array {
  const places = shuffle(
    Int32Array.from({ length: size }, (_, i) => i),
    random,
  );
  return Float32Array.from(places, (place) => LARGEST * ((2 * place + 1) / size - 1));
}

/** Random integers from 0 to `bound` − 1. */
export function drawIntegers(random: RandomStream, size: number, bound: number): Int32Array {
  return Int32Array.from({ length: size }, () => random.nextBelow(bound));
}

/** New tensors of one shape. */
export function tensorsLike(shape: Shape, ...names: string[]): Tensor[] {
  return names.map((name) => persistent(name, shape));
}

/** Random reals for each of the tensors. */
export function drawValues(
  random: RandomStream,
  tensors: readonly Tensor[],
): ReadonlyMap<Tensor, Float32Array> {
  return new Map(tensors.map((tensor) => [tensor, drawReals(random, tensor.size)]));
}
