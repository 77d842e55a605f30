import { describe, expect, it } from 'vitest';
import { fuse } from '../../src/backends/wasm/fuse.js';
import { kernelCallOf } from '../../src/backends/wasm/kernel-call.js';
import { drawIntegers, drawReals } from '../../src/gradcheck/case.js';
import { conv2dShape } from '../../src/ops/conv2d.js';
import { pooledShape } from '../../src/ops/max-pool2d.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent, type Shape, type Tensor, type Values } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
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

/** Makes a tensor that calls hand on: an activation, or one that can be read in the end. */
type Between = (name: string, shape: Shape, dtype?: 'uint8') => Tensor;

/** Calls that are fewer kernels, with what they read and what they leave. */
interface Chain {
  readonly kernels: readonly string[];
  readonly inputs: ReadonlyMap<Tensor, Values>;
  readonly outputs: readonly Tensor[];
  append(step: Step, between: Between): void;
}

const random = new RandomStream(1, 0);

function reals(...tensors: readonly Tensor[]): Map<Tensor, Values> {
  return new Map(tensors.map((tensor) => [tensor, drawReals(random, tensor.size)]));
}

const CHAINS: readonly Chain[] = [
  linearRelu(),
  loss(),
  convolution([3, 5, 6, 7], true, false),
  convolution([37, 5, 6, 7], false, true),
  convolution([37, 5, 6, 7], true, true),
  // Of several chunks, the last one smaller; and of an image larger than a chunk.
  convolution([23, 30, 29, 7], true, true),
  convolution([17, 80, 79, 7], false, true),
  weightAndBias([3, 5, 6, 7]),
  weightAndBias([40, 2, 2, 7]),
  pooledRelu(2, 2),
  pooledRelu(3, 2),
];

function linearRelu(): Chain {
  const [x, W, b] = [persistent('x', [7, 9]), persistent('W', [9, 13]), persistent('b', [13])];
  const y = persistent('y', [7, 13]);
  return {
    kernels: ['linearReluForward'],
    inputs: reals(x, W, b),
    outputs: [y],
    append(step, between) {
      const z = between('z', y.shape);
      step.call('linearForward', { y: z, x, W, b });
      step.call('reluForward', { y, x: z });
    },
  };
}

function loss(): Chain {
  const [z, t] = [persistent('z', [9, 11]), persistent('t', [9], 'int32')];
  const [L, dz] = [persistent('L', [1]), persistent('dz', z.shape)];
  return {
    kernels: ['softmaxCrossEntropyGradient'],
    inputs: new Map<Tensor, Values>([...reals(z), [t, drawIntegers(random, 9, 11)]]),
    outputs: [L, dz],
    append(step, between) {
      const p = between('p', z.shape);
      step.call('softmaxCrossEntropyForward', { L, p, z, t });
      step.call('softmaxCrossEntropyBackward', { dz, p, t });
    },
  };
}

/** A convolution, ReLU, max pooling; of the last two, either may be missing. */
function convolution(shape: Shape, withRelu: boolean, withPooling: boolean): Chain {
  const [x, W, b] = [persistent('x', shape), persistent('W', [3, 3, 7, 13]), persistent('b', [13])];
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
      step.call('conv2dBiasForward', { y: last, x, W, b }, PADDED);
      if (withRelu) {
        const rectified = withPooling ? between('rectified', convolved) : y;
        step.call('reluForward', { y: rectified, x: last });
        last = rectified;
      }
      if (withPooling) step.call('maxPool2dForward', { y, index, x: last }, squareWindow(2, 2));
    },
  };
}

function weightAndBias(shape: Shape): Chain {
  const [x, dW, db] = [
    persistent('x', shape),
    persistent('W', [3, 3, 7, 13]),
    persistent('b', [13]),
  ];
  const dy = persistent('dy', conv2dShape(shape, dW.shape, PADDED));
  return {
    kernels: ['conv2dBackwardWeightBias'],
    inputs: reals(x, dy),
    outputs: [dW, db],
    append(step, between) {
      step.call('conv2dBackwardWeight', { dW, x, dy }, PADDED);
      // Dropped where nobody reads it; else the two are no neighbours.
      step.call('reluForward', { y: between('gap', dy.shape), x: dy });
      step.call('conv2dBackwardBias', { db, dy });
    },
  };
}

/** Forward and backward of ReLU and then pooling. */
function pooledRelu(kernel: number, stride: number): Chain {
  const window = squareWindow(kernel, stride);
  const x = persistent('x', [3, 7, 6, 5]);
  const pooled = pooledShape('maxPool2d', x.shape, window);
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
      step.call('reluForward', { y: rectified, x });
      step.call('maxPool2dForward', { y, index, x: rectified }, window);
      step.call('maxPool2dBackward', { dx: routed, dy, index }, window);
      step.call('reluBackward', { dx, dy: routed, y: rectified });
    },
  };
}

function stepOf(chain: Chain, storage: 'activation' | 'persistent'): Step {
  const step = new Step();
  chain.append(step, (name, shape, dtype) => {
    const tensor = step.activation(name, shape, dtype);
    if (storage === 'persistent') step.keep(tensor);
    return tensor;
  });
  return step;
}

const kernelsOf = (step: Step) => fuse(step.calls.map(kernelCallOf)).map(({ kernel }) => kernel);
const named = CHAINS.map((chain) => [chain.kernels.at(-1) ?? '', chain] as const);

describe('fuse', () => {
  it.each(named)('makes one kernel of calls: %s', (_, chain) => {
    expect(kernelsOf(stepOf(chain, 'activation'))).toEqual(chain.kernels);
  });

  it.each(named)('leaves calls as they are where what lies between is kept: %s', (_, chain) => {
    const kept = stepOf(chain, 'persistent');
    expect(kernelsOf(kept)).toEqual(kept.calls.map(({ op }) => op));
  });

  // The gradients of weight and bias hand nothing on.
  const handingOn = named.filter(([name]) => name !== 'conv2dBackwardWeightBias');
  it.each(handingOn)(
    'leaves calls as they are where another reads what lies between: %s',
    (_, chain) => {
      const read = stepOf(chain, 'activation');
      for (const between of new Set(read.calls.flatMap(({ tensors }) => Object.values(tensors)))) {
        if (between.storage === 'persistent' || between.dtype !== 'float32') continue;
        read.call('reluForward', { y: persistent('copy', between.shape), x: between });
      }
      expect(kernelsOf(read)).toEqual(read.calls.map(({ op }) => op));
    },
  );

  it('makes one kernel only of neighbours', () => {
    const [first, second] = stepOf(linearRelu(), 'activation').calls.map(kernelCallOf);
    const other = [persistent('x', [2]), persistent('y', [2])];
    const relu = { ...second, inputs: [other[0]], outputs: [other[1]] };
    expect(fuse([first, relu])).toEqual([first, relu]);
    expect(fuse([first, relu, second])).toEqual([first, relu, second]);
  });

  it('leaves pooling to all threads where there are few images, or an image is large', () => {
    const few = stepOf(convolution([15, 5, 6, 7], false, true), 'activation');
    expect(kernelsOf(few)).toEqual(['conv2dBiasForward', 'maxPool2dForward']);
    const large = stepOf(convolution([16, 101, 101, 7], false, true), 'activation');
    expect(kernelsOf(large)).toEqual(['conv2dBiasForward', 'maxPool2dForward']);
  });
});

describeOnEachBackend('a step with calls that can be one kernel', (backend) => {
  it.each(named)('leaves the same bits: %s', async (_, chain) => {
    const { device } = backend;
    const results = async (storage: 'activation' | 'persistent') => {
      for (const [tensor, values] of chain.inputs) device.write(tensor, values);
      const executable = await device.compile(stepOf(chain, storage));
      await executable.run(1);
      executable.close();
      return Promise.all(chain.outputs.map((tensor) => device.read(tensor)));
    };
    await backend.exclusive(async () => {
      const want = await results('persistent');
      expect(want.every((values) => values.some((value) => value !== 0))).toBe(true);
      expect(await results('activation')).toEqual(want);
    });
  });
});
