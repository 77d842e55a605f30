import { drawReals, integers } from '../../src/ops/cases.js';
import { conv2dShape } from '../../src/ops/conv2d-shape.js';
import { pooledShape } from '../../src/ops/pooling-window.js';
import { OPS } from '../../src/ops/registry.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent, type Shape, type Tensor, type Values } from '../../src/tensor.js';
import { squareWindow } from '../ops/checks.js';

const PADDED = {
  strideHeight: 1,
  strideWidth: 1,
  paddingHeight: 1,
  paddingWidth: 1,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
};

/** Creates a tensor that one call writes and the next one reads. */
type Between = (name: string, shape: Shape, dtype?: 'uint8') => Tensor;

/** A sequence of calls that is fused into fewer kernels, with its inputs and outputs. */
export interface Chain {
  readonly kernels: readonly string[];
  readonly inputs: ReadonlyMap<Tensor, Values>;
  readonly outputs: readonly Tensor[];
  append(step: Step, between: Between): void;
}

const random = new RandomStream(1, 0);

function reals(...tensors: readonly Tensor[]): Map<Tensor, Values> {
  return new Map(tensors.map((tensor) => [tensor, drawReals(random, tensor.size)]));
}

export const CHAINS: readonly Chain[] = [
  linearRelu(),
  // K is cut into blocks, so the first of them must not clamp its sums.
  linearRelu([64, 1100, 300]),
  loss(),
  convolution([3, 5, 6, 7], true, false),
  convolution([2, 3, 4, 1000], true, false),
  convolution([37, 5, 6, 7], false, true),
  convolution([37, 5, 6, 7], true, true),
  // Several chunks, the last one smaller; and images larger than a chunk.
  convolution([23, 30, 29, 7], true, true),
  convolution([17, 80, 79, 7], false, true),
  weightAndBias([3, 5, 6, 7]),
  weightAndBias([40, 2, 2, 7]),
  // Images of several blocks, rows of several blocks, and three strips, in whose second one the share
  // of a second thread begins.
  weightAndBias([3, 28, 29, 7]),
  weightAndBias([2, 3, 801, 7]),
  weightAndBias([3, 9, 8, 7], 21),
  pooledRelu(2, 2),
  pooledRelu(3, 2),
  pooledSum(),
];

export function linearRelu([B, I, O]: Shape = [7, 9, 13]): Chain {
  const [x, W, b] = [persistent('x', [B, I]), persistent('W', [I, O]), persistent('b', [O])];
  const y = persistent('y', [B, O]);
  return {
    kernels: ['linearReluForward'],
    inputs: reals(x, W, b),
    outputs: [y],
    append(step, between) {
      const z = between('z', y.shape);
      step.call(OPS.linearForward, { x, W, b }, { into: { y: z } });
      step.call(OPS.reluForward, { x: z }, { into: { y } });
    },
  };
}

export function loss(): Chain {
  const [z, t] = [persistent('z', [9, 11]), persistent('t', [9], 'int32')];
  const [L, dz] = [persistent('L', [1]), persistent('dz', z.shape)];
  return {
    kernels: ['softmaxCrossEntropyGradient'],
    inputs: new Map<Tensor, Values>([...reals(z), [t, integers(random, [9], 11).data]]),
    outputs: [L, dz],
    append(step, between) {
      const p = between('p', z.shape);
      step.call(OPS.softmaxCrossEntropyForward, { z, t }, { into: { L, p } });
      step.call(OPS.softmaxCrossEntropyBackward, { p, t }, { into: { dz } });
    },
  };
}

/** A convolution, with ReLU, max pooling or both. */
export function convolution(shape: Shape, withRelu: boolean, withPooling: boolean): Chain {
  const [x, W, b] = [
    persistent('x', shape),
    persistent('W', [3, 3, shape[3], 13]),
    persistent('b', [13]),
  ];
  const convolved = conv2dShape(shape, W.shape, PADDED);
  const pooled = pooledShape('maxPool2d', convolved, squareWindow(2, 2));
  const y = persistent('y', withPooling ? pooled : convolved);
  const index = persistent('index', pooled, 'uint8');
  const relu = withRelu ? 'Relu' : '';
  const pooling = withPooling ? 'MaxPool2d' : '';
  return {
    kernels: [`conv2dBias${relu}${pooling}Forward`],
    inputs: reals(x, W, b),
    outputs: withPooling ? [y, index] : [y],
    append(step, between) {
      let last = withRelu || withPooling ? between('convolved', convolved) : y;
      step.call(OPS.conv2dBiasForward, { x, W, b }, { attributes: PADDED, into: { y: last } });
      if (withRelu) {
        const rectified = withPooling ? between('rectified', convolved) : y;
        step.call(OPS.reluForward, { x: last }, { into: { y: rectified } });
        last = rectified;
      }
      if (!withPooling) return;
      const attributes = squareWindow(2, 2);
      step.call(OPS.maxPool2dForward, { x: last }, { attributes, into: { y, index } });
    },
  };
}

export function weightAndBias(shape: Shape, OC = 13): Chain {
  const [x, dW, db] = [
    persistent('x', shape),
    persistent('W', [3, 3, 7, OC]),
    persistent('b', [OC]),
  ];
  const dy = persistent('dy', conv2dShape(shape, dW.shape, PADDED));
  return {
    kernels: ['conv2dBackwardWeightBias'],
    inputs: reals(x, dy),
    outputs: [dW, db],
    append(step, between) {
      step.call(OPS.conv2dBackwardWeight, { x, dy }, { attributes: PADDED, into: { dW } });
      // A step drops this call if nothing reads its output. Otherwise it separates the two gradients.
      step.call(OPS.reluForward, { x: dy }, { into: { y: between('gap', dy.shape) } });
      step.call(OPS.conv2dBackwardBias, { dy }, { into: { db } });
    },
  };
}

/** Forward and backward of ReLU and then pooling. */
export function pooledRelu(kernel: number, stride: number): Chain {
  const attributes = squareWindow(kernel, stride);
  const x = persistent('x', [3, 7, 6, 5]);
  const pooled = pooledShape('maxPool2d', x.shape, attributes);
  const [y, dy, dx] = [
    persistent('y', pooled),
    persistent('dy', pooled),
    persistent('dx', x.shape),
  ];
  return {
    kernels: ['reluForward', 'maxPool2dForward', 'maxPool2dReluBackward'],
    inputs: reals(x, dy),
    outputs: [y, dx],
    append(step, between) {
      const rectified = between('rectified', x.shape);
      const routed = between('routed', x.shape);
      const index = between('index', pooled, 'uint8');
      step.call(OPS.reluForward, { x }, { into: { y: rectified } });
      step.call(OPS.maxPool2dForward, { x: rectified }, { attributes, into: { y, index } });
      step.call(OPS.maxPool2dBackward, { dy, index }, { attributes, into: { dx: routed } });
      step.call(OPS.reluBackward, { dy: routed, y: rectified }, { into: { dx } });
    },
  };
}

/**
 * A ReLU whose result is added to its input before pooling, as in a residual block without a gradient of
 * its input. Backward, pooling and ReLU are neighbours, but the ReLU is not the pooled one.
 */
function pooledSum(): Chain {
  const attributes = squareWindow(2, 2);
  const x = persistent('x', [3, 7, 6, 5]);
  const pooled = pooledShape('maxPool2d', x.shape, attributes);
  const [y, dy, dx] = [
    persistent('y', pooled),
    persistent('dy', pooled),
    persistent('dx', x.shape),
  ];
  return {
    kernels: ['reluForward', 'add', 'maxPool2dForward', 'maxPool2dBackward', 'reluBackward'],
    inputs: reals(x, dy),
    outputs: [y, dx],
    append(step, between) {
      const rectified = between('rectified', x.shape);
      const sum = between('sum', x.shape);
      const routed = between('routed', x.shape);
      const index = between('index', pooled, 'uint8');
      step.call(OPS.reluForward, { x }, { into: { y: rectified } });
      step.call(OPS.add, { a: x, b: rectified }, { into: { y: sum } });
      step.call(OPS.maxPool2dForward, { x: sum }, { attributes, into: { y, index } });
      step.call(OPS.maxPool2dBackward, { dy, index }, { attributes, into: { dx: routed } });
      step.call(OPS.reluBackward, { dy: routed, y: rectified }, { into: { dx } });
    },
  };
}

/** The step of a chain, whose intermediate tensors are activations, or are kept. */
export function stepOf(chain: Chain, storage: 'activation' | 'persistent'): Step {
  const step = new Step();
  chain.append(step, (name, shape, dtype) => {
    const tensor = step.activation(name, shape, dtype);
    if (storage === 'persistent') step.keep(tensor);
    return tensor;
  });
  return step;
}
