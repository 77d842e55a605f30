/**
 * One function per differentiable op: random inputs of given sizes, and its forward and backward
 * as calls. Sizes have the letters of the op's derivation.
 */
import { createStepState, stateWords } from '../ops/step-state.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, persistent, type Shape, type Tensor, type Values } from '../tensor.js';
import { drawIntegers, drawValues, type GradientCase, tensorsLike } from './case.js';

export interface ProductSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/**
 * C = A·B. The gradients of src/ops/matmul.ts are those of A and B as they are multiplied; where
 * one is stored transposed, so is its gradient: dAᵀ = B·dCᵀ and dBᵀ = dCᵀ·A.
 */
export function matmulCase(random: RandomStream, sizes: ProductSizes): GradientCase {
  const { M, N, K, transposeA, transposeB } = sizes;
  const [A, dA] = tensorsLike(transposeA ? [K, M] : [M, K], 'A', 'dA');
  const [B, dB] = tensorsLike(transposeB ? [N, K] : [K, N], 'B', 'dB');
  const [C, dC] = tensorsLike([M, N], 'C', 'dC');
  const flags = (a: boolean, b: boolean) => ({ transposeA: Number(a), transposeB: Number(b) });
  return {
    title: `matmul ${formatShape([M, K])}·${formatShape([K, N])}, stored ${formatShape(A.shape)} and ${formatShape(B.shape)}`,
    inputs: drawValues(random, [A, B]),
    constants: drawValues(random, [dC]),
    dy: dC,
    forward(step) {
      step.call('matmul', { C, A, B }, flags(transposeA, transposeB));
      return C;
    },
    backward(step) {
      if (transposeA) step.call('matmul', { C: dA, A: B, B: dC }, flags(transposeB, true));
      else step.call('matmul', { C: dA, A: dC, B }, flags(false, !transposeB));
      if (transposeB) step.call('matmul', { C: dB, A: dC, B: A }, flags(true, transposeA));
      else step.call('matmul', { C: dB, A, B: dC }, flags(!transposeA, false));
      return new Map([
        [A, dA],
        [B, dB],
      ]);
    },
  };
}

export interface LayerSizes {
  readonly B: number;
  readonly I: number;
  readonly O: number;
}

export function linearCase(random: RandomStream, { B, I, O }: LayerSizes): GradientCase {
  const [x, dx] = tensorsLike([B, I], 'x', 'dx');
  const [W, dW] = tensorsLike([I, O], 'W', 'dW');
  const [b, db] = tensorsLike([O], 'b', 'db');
  const [y, dy] = tensorsLike([B, O], 'y', 'dy');
  return {
    title: `linear (${B}, ${I})·(${I}, ${O})`,
    inputs: drawValues(random, [x, W, b]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('linearForward', { y, x, W, b });
      return y;
    },
    backward(step) {
      step.call('linearBackwardWeight', { dW, x, dy });
      step.call('linearBackwardBias', { db, dy });
      step.call('linearBackwardInput', { dx, dy, W });
      return new Map([
        [x, dx],
        [W, dW],
        [b, db],
      ]);
    },
  };
}

/** A function of each element. */
export function activationCase(
  random: RandomStream,
  activation: 'relu' | 'sigmoid' | 'tanh',
  shape: Shape,
): GradientCase {
  const [x, y, dy, dx] = tensorsLike(shape, 'x', 'y', 'dy', 'dx');
  return {
    title: `${activation} ${formatShape(shape)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call(`${activation}Forward`, { y, x });
      return y;
    },
    backward(step) {
      step.call(`${activation}Backward`, { dx, dy, y });
      return new Map([[x, dx]]);
    },
  };
}

export function leakyReluCase(
  random: RandomStream,
  shape: Shape,
  negativeSlope: number,
): GradientCase {
  const [x, y, dy, dx] = tensorsLike(shape, 'x', 'y', 'dy', 'dx');
  return {
    title: `leakyRelu ${formatShape(shape)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('leakyReluForward', { y, x }, { negativeSlope });
      return y;
    },
    backward(step) {
      step.call('leakyReluBackward', { dx, dy, y }, { negativeSlope });
      return new Map([[x, dx]]);
    },
  };
}

export function geluCase(random: RandomStream, shape: Shape): GradientCase {
  const [x, y, dy, dx] = tensorsLike(shape, 'x', 'y', 'dy', 'dx');
  return {
    title: `gelu ${formatShape(shape)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('geluForward', { y, x });
      return y;
    },
    backward(step) {
      step.call('geluBackward', { dx, dy, x });
      return new Map([[x, dx]]);
    },
  };
}

/** A residual y = tanh x + x, whose x is used twice. */
export function addCase(random: RandomStream, shape: Shape): GradientCase {
  const [x, h, y, dy, dh, dx] = tensorsLike(shape, 'x', 'h', 'y', 'dy', 'dh', 'dx');
  return {
    title: `add ${formatShape(shape)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('tanhForward', { y: h, x });
      step.call('add', { y, a: h, b: x });
      return y;
    },
    backward(step) {
      step.call('tanhBackward', { dx: dh, dy, y: h });
      step.call('add', { y: dx, a: dh, b: dy });
      return new Map([[x, dx]]);
    },
  };
}

export function dropoutCase(random: RandomStream, size: number, p: number): GradientCase {
  const [x, y, dy, dx] = tensorsLike([size], 'x', 'y', 'dy', 'dx');
  const { state } = createStepState();
  const attributes = { seed: random.nextUint32(), stream: random.nextUint32(), p };
  return {
    title: `dropout (${size})`,
    inputs: drawValues(random, [x]),
    constants: new Map<Tensor, Values>([
      ...drawValues(random, [dy]),
      [state, stateWords(1 + random.nextBelow(1000), 0)],
    ]),
    dy,
    forward(step) {
      step.call('dropoutForward', { y, x, state }, attributes);
      return y;
    },
    backward(step) {
      step.call('dropoutBackward', { dx, dy, state }, attributes);
      return new Map([[x, dx]]);
    },
  };
}

export interface ImageSizes {
  readonly B: number;
  readonly H: number;
  readonly W: number;
  readonly C: number;
}

export function flattenCase(random: RandomStream, { B, H, W, C }: ImageSizes): GradientCase {
  const [x, dx] = tensorsLike([B, H, W, C], 'x', 'dx');
  const [y, dy] = tensorsLike([B, C * H * W], 'y', 'dy');
  return {
    title: `flatten ${formatShape(x.shape)}`,
    inputs: drawValues(random, [x]),
    constants: drawValues(random, [dy]),
    dy,
    forward(step) {
      step.call('flattenForward', { y, x });
      return y;
    },
    backward(step) {
      step.call('flattenBackward', { dx, dy });
      return new Map([[x, dx]]);
    },
  };
}

/** A loss on logits (B, C); C is 1 for the binary ones. */
export function classificationCase(
  random: RandomStream,
  loss: 'softmaxCrossEntropy' | 'binaryCrossEntropy' | 'mnistLoss',
  { B, C }: { readonly B: number; readonly C: number },
): GradientCase {
  const [z, p, dz] = tensorsLike([B, C], 'z', 'p', 'dz');
  const t = persistent('t', [B], 'int32');
  const L = persistent('L', [1]);
  const classes = loss === 'softmaxCrossEntropy' ? C : 2;
  return {
    title: `${loss} ${formatShape(z.shape)}`,
    inputs: drawValues(random, [z]),
    constants: new Map([[t, drawIntegers(random, B, classes)]]),
    forward(step) {
      step.call(`${loss}Forward`, { L, p, z, t });
      return L;
    },
    backward(step) {
      step.call(`${loss}Backward`, { dz, p, t });
      return new Map([[z, dz]]);
    },
  };
}

export function squaredErrorCase(
  random: RandomStream,
  reduction: 'mean' | 'sum',
  shape: Shape,
): GradientCase {
  const [y, t, dy] = tensorsLike(shape, 'y', 't', 'dy');
  const L = persistent('L', [1]);
  const scale = reduction === 'sum' ? 1 : 1 / y.size;
  return {
    title: `squaredError, ${reduction}, ${formatShape(shape)}`,
    inputs: drawValues(random, [y]),
    constants: drawValues(random, [t]),
    forward(step) {
      step.call('squaredErrorForward', { L, y, t }, { scale });
      return L;
    },
    backward(step) {
      step.call('squaredErrorBackward', { dy, y, t }, { scale });
      return new Map([[y, dy]]);
    },
  };
}
