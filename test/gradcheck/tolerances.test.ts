import { describe, expect, it } from 'vitest';
import { gradientCaseOf } from '../../src/gradcheck/case.js';
import { boundsOf } from '../../src/gradcheck/tolerances.js';
import { conv2dCase } from '../../src/ops/conv2d.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';

describe('boundsOf', () => {
  it('counts only the channels of a group as terms of a convolution', () => {
    const sizes = { B: 1, H: 5, W: 5, C: 6, OC: 9, KH: 3, KW: 2, groups: 3 };
    const [strides, paddings] = [
      { strideHeight: 1, strideWidth: 1, dilationHeight: 1, dilationWidth: 1 },
      { paddingHeight: 0, paddingWidth: 0 },
    ];
    const random = new RandomStream(0, STREAMS.data);
    const declared = conv2dCase(random, { ...sizes, ...strides, ...paddings });
    const convolution = gradientCaseOf(declared, random);
    const step = new Step();
    step.keep(convolution.forward(step));
    for (const gradient of convolution.backward(step).values()) step.keep(gradient);
    // The first pixel of dx lies in one window, and three output channels read it. Its bound counts
    // the terms of an average pixel: 3·4 windows share 5·5 pixels.
    for (const [op, role, K, magnitude] of [
      ['conv2dBiasForward', 'y', 3 * 2 * 2 + 1, 3 * 2 * 2 + 1],
      ['conv2dBackwardInput', 'dx', (3 * 2 * 3 * (3 * 4)) / (5 * 5), 3],
    ] as const) {
      const call = step.calls.find((each) => each.op === op);
      if (!call) throw new Error(`no ${op}`);
      const ones = Object.entries(call.tensors).map(
        ([name, { size }]) => [name, new Float64Array(size).fill(1)] as const,
      );
      const operands = Object.fromEntries(ones);
      const bound = boundsOf(call, operands, operands)(role, 0);
      expect(bound, op).toBeCloseTo(4 * 2 ** -23 * Math.sqrt(K) * magnitude, 12);
    }
  });
});
