import { describe, expect, it } from 'vitest';
import { fuse } from '../../src/backends/wasm/fuse.js';
import { kernelCallOf } from '../../src/backends/wasm/kernel-call.js';
import { drawIntegers, drawReals } from '../../src/gradcheck/case.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent, type Tensor, type Values } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';

const PLAIN = {
  strideHeight: 1,
  strideWidth: 1,
  paddingHeight: 1,
  paddingWidth: 1,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
};

/** Calls of which two can be one kernel, with what they read and what they leave. */
interface Pair {
  readonly kernel: string;
  readonly inputs: ReadonlyMap<Tensor, Values>;
  readonly outputs: readonly Tensor[];
  /** @param between where the second call finds what the first one wrote */
  append(step: Step, between: Tensor): void;
  readonly between: Tensor;
}

function reals(random: RandomStream, ...tensors: readonly Tensor[]): Map<Tensor, Values> {
  return new Map(tensors.map((tensor) => [tensor, drawReals(random, tensor.size)]));
}

function pairs(random: RandomStream): Pair[] {
  const [x, W, b] = [persistent('x', [7, 9]), persistent('W', [9, 13]), persistent('b', [13])];
  const y = persistent('y', [7, 13]);
  const [images, kernel] = [persistent('x', [3, 5, 6, 7]), persistent('W', [3, 3, 7, 13])];
  const features = persistent('y', [3, 5, 6, 13]);
  const z = persistent('z', [9, 11]);
  const t = persistent('t', [9], 'int32');
  const [L, dz] = [persistent('L', [1]), persistent('dz', z.shape)];
  return [
    {
      kernel: 'linearReluForward',
      inputs: reals(random, x, W, b),
      outputs: [y],
      between: persistent('between', y.shape),
      append(step, between) {
        step.call('linearForward', { y: between, x, W, b });
        step.call('reluForward', { y, x: between });
      },
    },
    {
      kernel: 'conv2dBiasReluForward',
      inputs: reals(random, images, kernel, b),
      outputs: [features],
      between: persistent('between', features.shape),
      append(step, between) {
        step.call('conv2dBiasForward', { y: between, x: images, W: kernel, b }, PLAIN);
        step.call('reluForward', { y: features, x: between });
      },
    },
    {
      kernel: 'softmaxCrossEntropyGradient',
      inputs: new Map<Tensor, Values>([...reals(random, z), [t, drawIntegers(random, 9, 11)]]),
      outputs: [L, dz],
      between: persistent('p', z.shape),
      append(step, p) {
        step.call('softmaxCrossEntropyForward', { L, p, z, t });
        step.call('softmaxCrossEntropyBackward', { dz, p, t });
      },
    },
  ];
}

const PAIRS = pairs(new RandomStream(1, 0));

/** The pair's calls, with what lies between them read by nobody else, or by everybody. */
function stepOf(pair: Pair, kept: boolean): Step {
  const step = new Step();
  const { name, shape } = pair.between;
  pair.append(step, kept ? pair.between : step.activation(name, shape));
  return step;
}

const kernelsOf = (step: Step) => fuse(step.calls.map(kernelCallOf)).map(({ kernel }) => kernel);

describe('fuse', () => {
  it.each(PAIRS)('makes one $kernel of two calls', (pair) => {
    expect(kernelsOf(stepOf(pair, false))).toEqual([pair.kernel]);
  });

  it.each(PAIRS)('makes no $kernel where somebody reads what lies between', (pair) => {
    const kept = stepOf(pair, true);
    expect(kernelsOf(kept)).toEqual(kept.calls.map(({ op }) => op));
    const read = stepOf(pair, false);
    const between = read.calls[0].tensors.p ?? read.calls[0].tensors.y;
    const copy = persistent('copy', between.shape);
    read.call('reluForward', { y: copy, x: between });
    expect(kernelsOf(read)).toEqual(read.calls.map(({ op }) => op));
  });

  it('makes one kernel only of neighbours that belong together', () => {
    const [linear] = PAIRS;
    const step = new Step();
    linear.append(step, step.activation('between', linear.between.shape));
    const other = [persistent('x', [2]), persistent('y', [2])];
    const [first, second] = step.calls.map(kernelCallOf);
    const relu = { ...second, inputs: [other[0]], outputs: [other[1]] };
    expect(fuse([first, relu])).toEqual([first, relu]);
    expect(fuse([first, relu, second])).toEqual([first, relu, second]);
  });
});

describeOnEachBackend('a step with calls that can be one kernel', (backend) => {
  it.each(PAIRS)('leaves the same bits as with $kernel', async (pair) => {
    const { device } = backend;
    const results = async (kept: boolean) => {
      for (const [tensor, values] of pair.inputs) device.write(tensor, values);
      const executable = await device.compile(stepOf(pair, kept));
      await executable.run(1);
      executable.close();
      return Promise.all(pair.outputs.map((tensor) => device.read(tensor)));
    };
    await backend.exclusive(async () => {
      const want = await results(true);
      expect(want.every((values) => values.some((value) => value !== 0))).toBe(true);
      expect(await results(false)).toEqual(want);
    });
  });
});
