import { describe, expect, it } from 'vitest';
import { fuse } from '../../src/backends/wasm/fuse.js';
import { kernelCallOf } from '../../src/backends/wasm/kernel-call.js';
import { OPS } from '../../src/ops/registry.js';
import type { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import {
  CHAINS,
  convolution,
  linearRelu,
  loss,
  pooledRelu,
  stepOf,
  weightAndBias,
} from './chains.js';

const kernelsOf = (step: Step) => fuse(step.calls.map(kernelCallOf)).map(({ kernel }) => kernel);
const named = CHAINS.map((chain) => [chain.kernels.at(-1) ?? '', chain] as const);

describe('fuse', () => {
  it.each(named)('fuses calls into one kernel: %s', (_, chain) => {
    expect(kernelsOf(stepOf(chain, 'activation'))).toEqual(chain.kernels);
  });

  it.each(named)('does not fuse calls whose intermediate tensor is kept: %s', (_, chain) => {
    const kept = stepOf(chain, 'persistent');
    expect(kernelsOf(kept)).toEqual(kept.calls.map(({ op }) => op));
  });

  // The gradients of weight and bias have no intermediate tensor.
  const withIntermediates = named.filter(([name]) => name !== 'conv2dBackwardWeightBias');
  it.each(withIntermediates)(
    'does not fuse calls whose intermediate tensor another call reads: %s',
    (_, chain) => {
      const read = stepOf(chain, 'activation');
      for (const between of new Set(read.calls.flatMap(({ tensors }) => Object.values(tensors)))) {
        if (between.storage === 'persistent' || between.dtype !== 'float32') continue;
        const copy = persistent('copy', between.shape);
        read.call(OPS.reluForward, { x: between }, { into: { y: copy } });
      }
      expect(kernelsOf(read)).toEqual(read.calls.map(({ op }) => op));
    },
  );

  it('fuses only neighbouring calls that share a tensor', () => {
    const [first, second] = stepOf(linearRelu(), 'activation').calls.map(kernelCallOf);
    const other = [persistent('x', [2]), persistent('y', [2])];
    const relu = { ...second, inputs: [other[0]], outputs: [other[1]] };
    expect(fuse([first, relu])).toEqual([first, relu]);
    expect(fuse([first, relu, second])).toEqual([first, relu, second]);
  });

  it('does not fuse a loss and a gradient with other labels', () => {
    const [forward, backward] = stepOf(loss(), 'activation').calls.map(kernelCallOf);
    const other = { ...backward, inputs: [backward.inputs[0], persistent('other', [9], 'int32')] };
    expect(fuse([forward, other])).toEqual([forward, other]);
  });

  it('does not fuse the gradients of weight and bias of different convolutions', () => {
    const chain = stepOf(weightAndBias([3, 5, 6, 7]), 'activation');
    const [weight, bias] = chain.calls.map(kernelCallOf);
    expect(fuse([weight, bias])).toHaveLength(1);
    const other = { ...bias, inputs: [persistent('other', bias.inputs[0].shape)] };
    expect(fuse([weight, other])).toEqual([weight, other]);
  });

  it('reads the tensor that the same pooling wrote, of several', () => {
    const [first, second] = [1, 2].map(() => stepOf(pooledRelu(2, 2), 'activation'));
    const calls = [first, second].map((step) => step.calls.map(kernelCallOf));
    const forward = calls.flatMap((of) => of.slice(0, 2));
    const fused = fuse([...forward, ...calls.flatMap((of) => of.slice(2))]);
    expect(fused.slice(4).map(({ kernel }) => kernel)).toEqual([
      'maxPool2dReluBackward',
      'maxPool2dReluBackward',
    ]);
    for (const i of [0, 1]) expect(fused[4 + i].inputs[2]).toBe(calls[i][1].outputs[0]);
  });

  it('does not fuse pooling with a convolution that keeps rounding errors', () => {
    const [long, pooling] = stepOf(
      convolution([16, 5, 6, 60_000], false, true),
      'activation',
    ).calls;
    const calls = [long, pooling].map(kernelCallOf);
    expect(calls[0].errors).toBeDefined();
    expect(fuse(calls)).toEqual(calls);
  });

  it('does not fuse pooling of few images, or of large ones', () => {
    const few = stepOf(convolution([15, 5, 6, 7], false, true), 'activation');
    expect(kernelsOf(few)).toEqual(['conv2dBiasForward', 'maxPool2dForward']);
    const large = stepOf(convolution([16, 101, 101, 7], false, true), 'activation');
    expect(kernelsOf(large)).toEqual(['conv2dBiasForward', 'maxPool2dForward']);
  });
});

describeOnEachBackend('a step with calls that can be fused', (backend) => {
  it.each(named)('computes the same bits: %s', async (_, chain) => {
    const { runtime } = backend;
    const results = async (storage: 'activation' | 'persistent') => {
      for (const [tensor, values] of chain.inputs) runtime.write(tensor, values);
      const executable = await runtime.compile(stepOf(chain, storage));
      await executable.run(1);
      executable.close();
      return Promise.all(chain.outputs.map((tensor) => runtime.read(tensor)));
    };
    await backend.exclusive(async () => {
      const want = await results('persistent');
      expect(want.every((values) => values.some((value) => value !== 0))).toBe(true);
      expect(await results('activation')).toEqual(want);
    });
  });
});
