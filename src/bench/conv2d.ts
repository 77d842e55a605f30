import {
  conv2dBackwardInput,
  conv2dBackwardWeight,
  conv2dForward,
  conv2dOps,
} from '../ops/conv2d.js';
import {
  type Conv2dAttributes,
  type Conv2dSizes,
  conv2dShape,
  windowCount,
} from '../ops/conv2d-shape.js';
import { OPS } from '../ops/registry.js';
import { naturalOrder, RandomStream, shuffle } from '../random/threefry.js';
import { Step } from '../step.js';
import { persistent, type Shape, type Tensor, type Values } from '../tensor.js';
import type { Candidate } from './candidate.js';
import { benchOp, type OpCase } from './op-case.js';
import { multiplyAddPeak } from './peaks.js';
import type { BenchResult } from './result.js';

export interface ConvolutionShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Height and width of the window; stride and padding are the same along both axes, in pixels. */
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

type Sizes = readonly [
  batch: number,
  height: number,
  width: number,
  inputs: number,
  outputs: number,
  kernel: number,
];

/** @throws ShapeError when the kernel does not fit into the image */
export function convolution(sizes: Sizes, stride = 1, padding = 0): ConvolutionShape {
  const [batch, height, width, inputs, outputs, kernel] = sizes;
  const shape = { batch, height, width, inputs, outputs, kernel, stride, padding };
  shapesOf(shape);
  return shape;
}

/** Layers of `conv`, `conv-fast`, and ResNet-18 on images of 28×28. */
export const CONV2D_SHAPES: readonly ConvolutionShape[] = [
  convolution([32, 28, 28, 1, 32, 3]),
  convolution([32, 13, 13, 32, 64, 3]),
  convolution([256, 28, 28, 1, 24, 5]),
  convolution([256, 12, 12, 24, 32, 3]),
  convolution([64, 28, 28, 1, 64, 7], 2, 3),
  convolution([64, 7, 7, 64, 64, 3], 1, 1),
  convolution([64, 7, 7, 64, 128, 3], 2, 1),
  convolution([64, 7, 7, 64, 128, 1], 2, 0),
  convolution([64, 4, 4, 128, 128, 3], 1, 1),
  convolution([64, 2, 2, 256, 256, 3], 1, 1),
  convolution([64, 1, 1, 512, 512, 3], 1, 1),
];

/** x, W and y, or their gradients. */
type Operands<Value> = Readonly<Record<'x' | 'W' | 'y', Value>>;

interface Pass {
  readonly name: 'forward' | 'backward-input' | 'backward-weight';
  readonly output: keyof Operands<unknown>;
  append(step: Step, tensors: Operands<Tensor>, attributes: Conv2dAttributes): void;
  reference(values: Operands<Values>, sizes: Conv2dSizes): void;
}

const PASSES: readonly Pass[] = [
  {
    name: 'forward',
    output: 'y',
    append: (step, { x, W, y }, attributes) =>
      step.call(OPS.conv2dForward, { x, W }, { attributes, into: { y } }),
    reference: ({ x, W, y }, sizes) => conv2dForward(y, x, W, undefined, sizes),
  },
  {
    name: 'backward-input',
    output: 'x',
    append: (step, { x: dx, W, y: dy }, attributes) =>
      step.call(OPS.conv2dBackwardInput, { dy, W }, { attributes, into: { dx } }),
    reference: ({ x: dx, W, y: dy }, sizes) => conv2dBackwardInput(dx, dy, W, sizes),
  },
  {
    name: 'backward-weight',
    output: 'W',
    append: (step, { x, W: dW, y: dy }, attributes) =>
      step.call(OPS.conv2dBackwardWeight, { x, dy }, { attributes, into: { dW } }),
    reference: ({ x, W: dW, y: dy }, sizes) => conv2dBackwardWeight(dW, x, dy, sizes),
  },
];

/** Only a part of the output is compared for passes with more multiply-adds. */
const CHECKED_MULTIPLY_ADDS = 2 ** 24;

/**
 * Times a convolution and its gradients on every candidate, with the peak of each candidate. Skips
 * the input gradient of images with one channel, because training does not need the gradient of a
 * network's input.
 */
export async function benchConv2d(
  candidates: readonly Candidate[],
  shapes: readonly ConvolutionShape[],
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const shape of shapes) {
    for (const pass of PASSES) {
      if (pass.name === 'backward-input' && shape.inputs === 1) continue;
      results.push(...(await benchPass(candidates, shape, pass, repeat)));
    }
  }
  return results;
}

async function benchPass(
  candidates: readonly Candidate[],
  shape: ConvolutionShape,
  pass: Pass,
  repeat: number,
): Promise<BenchResult[]> {
  const operations = 2 * multiplyAddsOf(shape);
  const peaksOf = ({ backend }: Candidate) => multiplyAddPeak(backend, operations);
  const outcomes = await benchOp(candidates, convolutionCase(shape, pass), peaksOf, repeat);
  return outcomes.map((outcome) => ({
    op: 'conv2d',
    shape: { ...shape, pass: pass.name },
    ...outcome,
    gflops: operations / outcome.ms.median / 1e6,
  }));
}

/** Multiply-adds of one pass, the same for all three passes. Taps on padding do not count. */
export function multiplyAddsOf(shape: ConvolutionShape): number {
  const { batch, height, width, inputs, outputs, kernel, stride, padding } = shape;
  const tapsAlong = (extent: number) => {
    let taps = 0;
    for (let i = 0; i < windowCount(extent, kernel, stride, padding); i++) {
      const first = stride * i - padding;
      taps += Math.max(0, Math.min(first + kernel, extent) - Math.max(first, 0));
    }
    return taps;
  };
  return batch * tapsAlong(height) * tapsAlong(width) * inputs * outputs;
}

function convolutionCase(shape: ConvolutionShape, pass: Pass): OpCase {
  const shapes = shapesOf(shape);
  const tensors = {
    x: persistent('x', shapes.x),
    W: persistent('W', shapes.W),
    y: persistent('y', shapes.y),
  };
  const step = new Step();
  pass.append(step, tensors, attributesOf(shape));
  // The output is filled too, which shows that the kernel assigns and does not accumulate.
  const values = {
    x: oddIntegers(tensors.x.size, 1),
    W: oddIntegers(tensors.W.size, 2),
    y: oddIntegers(tensors.y.size, 3),
  };
  return {
    step,
    values: new Map((['x', 'W', 'y'] as const).map((role) => [tensors[role], values[role]])),
    outputs: [tensors[pass.output]],
    isRight: ([output]) => isRight({ ...values, [pass.output]: output }, shape, pass),
  };
}

/** Compares the output of a pass, or a part of a large output, with the float64 reference. */
function isRight(values: Operands<Values>, shape: ConvolutionShape, pass: Pass): boolean {
  const [part, partShape] = partOf(values, shape, pass);
  const got = part[pass.output];
  const want = new Float64Array(got.length);
  const { sizes } = conv2dOps.conv2dForward.shapes(shapesOf(partShape), attributesOf(shape));
  pass.reference({ ...part, [pass.output]: want }, sizes);
  return want.every((value, i) => got[i] === value);
}

/**
 * Random ±1 and ±3. Sums of their products are exact in float32 in any order, so a result must equal
 * the reference. In a sum over all pixels of a batch, a tolerance for rounding would hide a missing
 * row.
 */
function oddIntegers(size: number, seed: number): Float32Array {
  const random = new RandomStream(seed, 0);
  return Float32Array.from({ length: size }, () => 2 * random.nextBelow(4) - 3);
}

/**
 * Operands and output of random images of the batch; for the weight gradient, which sums over the batch,
 * of random output channels. The results of these images or channels depend on no others.
 */
function partOf(
  { x, W, y }: Operands<Values>,
  shape: ConvolutionShape,
  pass: Pass,
): [Operands<Values>, ConvolutionShape] {
  const share = CHECKED_MULTIPLY_ADDS / multiplyAddsOf(shape);
  if (pass.output === 'W') {
    const { outputs } = shape;
    const chosen = choose(outputs, share);
    const part = { x, W: pick(W, outputs, 1, chosen), y: pick(y, outputs, 1, chosen) };
    return [part, { ...shape, outputs: chosen.length }];
  }
  const { batch } = shape;
  const chosen = choose(batch, share);
  const images = (values: Values) => pick(values, batch, values.length / batch, chosen);
  return [
    { x: images(x), W, y: images(y) },
    { ...shape, batch: chosen.length },
  ];
}

/** A random share of 0 … count − 1: at least one of them, and all for a share of 1 or more. */
function choose(count: number, share: number): Int32Array {
  const shuffled = shuffle(naturalOrder(count), new RandomStream(4, 0));
  return shuffled.slice(0, Math.max(1, Math.floor(share * count)));
}

/** The chosen indices of the axis `count` of an array (…, count, inner). */
function pick(values: Values, count: number, inner: number, chosen: Int32Array): Float64Array {
  const outer = values.length / count / inner;
  const picked = new Float64Array(outer * chosen.length * inner);
  for (let i = 0, to = 0; i < outer; i++) {
    for (const index of chosen) {
      const from = (i * count + index) * inner;
      for (let j = 0; j < inner; j++) picked[to++] = values[from + j];
    }
  }
  return picked;
}

function shapesOf(shape: ConvolutionShape): Operands<Shape> {
  const { batch, height, width, inputs, outputs, kernel } = shape;
  const x = [batch, height, width, inputs];
  const W = [kernel, kernel, inputs, outputs];
  return { x, W, y: conv2dShape(x, W, attributesOf(shape)) };
}

function attributesOf({ stride, padding }: ConvolutionShape): Conv2dAttributes {
  return {
    strideHeight: stride,
    strideWidth: stride,
    paddingHeight: padding,
    paddingWidth: padding,
    dilationHeight: 1,
    dilationWidth: 1,
    groups: 1,
  };
}
