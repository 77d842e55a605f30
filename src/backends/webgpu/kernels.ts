import type { OpName } from '../../ops/registry.js';
import { type Plan, perElement, type Workgroups } from './passes.js';
import { type Product, planColumnSums, planProduct } from './products.js';

type Sizes = readonly number[];
type Attributes = Readonly<Record<string, number>>;

interface InShader {
  /** The shader's file, without `.wgsl`. */
  readonly shader: string;
  /** Attributes that the shader takes as u32; the others are f32. */
  readonly integers?: readonly string[];
}

/** Runs as the entry point of its name. */
interface SinglePass extends InShader {
  /** How many workgroups share the work. */
  workgroups(sizes: Sizes, attributes: Attributes): Workgroups;
}

/** Runs as entry points of several names, or with constants of its own. */
interface Planned extends InShader {
  plan(sizes: Sizes, attributes: Attributes): Plan;
}

/** How an op runs on the GPU. */
export type Kernel = SinglePass | Planned;

/** What a call of the op runs. */
export function planOf(op: OpName, kernel: Kernel, sizes: Sizes, attributes: Attributes): Plan {
  if ('plan' in kernel) return kernel.plan(sizes, attributes);
  const workgroups = kernel.workgroups(sizes, attributes);
  return { passes: [{ entryPoint: op, workgroups }], scratch: 0 };
}

function elementwise(shader: string): Kernel {
  return { shader, workgroups: (sizes) => perElement(sizes.reduce((all, size) => all * size, 1)) };
}

function product(
  shader: string,
  productOf: (sizes: Sizes, attributes: Attributes) => Product,
): Kernel {
  return { shader, plan: (sizes, attributes) => planProduct(productOf(sizes, attributes)) };
}

/** What a convolution's three products multiply, from sizes as src/ops/conv2d.ts has them. */
function convolution(sizes: Sizes) {
  const [B, H, W, C, OH, OW, OC, KH, KW] = sizes;
  const G = sizes[15];
  return {
    G,
    taps: KH * KW,
    inputPixels: B * H * W,
    outputPixels: B * OH * OW,
    inputChannels: C / G,
    outputChannels: OC / G,
  };
}

function convolutionForward(sizes: Sizes): Product {
  const { G, taps, outputPixels, inputChannels, outputChannels } = convolution(sizes);
  return { M: outputPixels, N: outputChannels, K: taps * inputChannels, G };
}

function convolutionBackwardWeight(sizes: Sizes): Product {
  const { G, taps, outputPixels, inputChannels, outputChannels } = convolution(sizes);
  return { M: taps * inputChannels, N: outputChannels, K: outputPixels, G, transposeA: true };
}

function convolutionBackwardInput(sizes: Sizes): Product {
  const { G, taps, inputPixels, inputChannels, outputChannels } = convolution(sizes);
  return { M: inputPixels, N: inputChannels, K: taps * outputChannels, G, transposeB: true };
}

const columnSums: Kernel = { shader: 'column-sums', plan: planColumnSums };

export const KERNELS: Partial<Readonly<Record<OpName, Kernel>>> = {
  matmul: product('matmul', ([M, N, K], { transposeA, transposeB }) => {
    return { M, N, K, transposeA: transposeA !== 0, transposeB: transposeB !== 0 };
  }),

  linearForward: product('linear', ([B, I, O]) => ({ M: B, N: O, K: I, hasBias: true })),
  linearBackwardWeight: product('linear', ([B, I, O]) => {
    return { M: I, N: O, K: B, transposeA: true };
  }),
  linearBackwardInput: product('linear', ([B, I, O]) => {
    return { M: B, N: I, K: O, transposeB: true };
  }),
  linearBackwardBias: columnSums,

  conv2dForward: product('conv2d', convolutionForward),
  conv2dBiasForward: product('conv2d', (sizes) => ({
    ...convolutionForward(sizes),
    hasBias: true,
  })),
  conv2dBackwardWeight: product('conv2d', convolutionBackwardWeight),
  conv2dBackwardInput: product('conv2d', convolutionBackwardInput),
  conv2dBackwardBias: columnSums,

  reluForward: elementwise('relu'),
  reluBackward: elementwise('relu'),
};
