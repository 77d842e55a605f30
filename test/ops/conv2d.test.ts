import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConvolutionSizes, conv2dCase } from '../../src/ops/conv2d.js';
import { describeOnEachBackend } from '../backends.js';
import { callWith, expectAgreement, expectGradients, extent, forAll, runOp } from './checks.js';

const PLAIN = {
  strideHeight: 1,
  strideWidth: 1,
  paddingHeight: 0,
  paddingWidth: 0,
  dilationHeight: 1,
  dilationWidth: 1,
  groups: 1,
};

/** Convolutions with room for at least one window, and up to `channels` channels in a group. */
function convolutions(channels: number, images: number): fc.Arbitrary<ConvolutionSizes> {
  return fc
    .record({
      B: extent(images),
      H: extent(6),
      W: extent(6),
      C: extent(channels),
      OC: extent(channels),
      KH: extent(3),
      KW: extent(4),
      strideHeight: extent(3),
      strideWidth: extent(3),
      paddingHeight: fc.integer({ min: 0, max: 3 }),
      paddingWidth: fc.integer({ min: 0, max: 3 }),
      dilationHeight: extent(3),
      dilationWidth: extent(3),
      groups: extent(3),
    })
    .map((sizes) => ({
      ...sizes,
      H: sizes.H + sizes.dilationHeight * (sizes.KH - 1),
      W: sizes.W + sizes.dilationWidth * (sizes.KW - 1),
      C: sizes.C * sizes.groups,
      OC: sizes.OC * sizes.groups,
    }));
}

describe('conv2d', () => {
  it('has the gradients that central differences find', async () => {
    await forAll(convolutions(2, 2), (random, sizes) => expectGradients(conv2dCase(random, sizes)));
  });

  it('refuses tensors that do not fit together', () => {
    const fitting = { x: [2, 5, 6, 4], W: [3, 3, 4, 8] };
    const call = (
      shapes: Partial<typeof fitting>,
      attributes: Partial<typeof PLAIN> = {},
    ): (() => void) =>
      callWith(
        'conv2dForward',
        { ...fitting, ...shapes },
        { attributes: { ...PLAIN, ...attributes } },
      );
    expect(call({})).not.toThrow();
    expect(call({ x: [2, 120] })).toThrow(
      'conv2d: expected input of shape (B, H, W, 4), got (2, 120); wrap the model in onImages',
    );
    expect(call({ x: [2, 5, 6, 3] })).toThrow(
      'conv2d: expected input of shape (B, H, W, 4), got (2, 5, 6, 3)',
    );
    expect(call({ W: [3, 4, 8] })).toThrow(
      'conv2d: expected W of shape (KH, KW, C/G, OC), got (3, 4, 8)',
    );
    expect(
      callWith('conv2dForward', fitting, { attributes: PLAIN, into: { y: [2, 5, 6, 8] } }),
    ).toThrow('conv2dForward: expected y of shape (2, 3, 4, 8), got (2, 5, 6, 8)');
    expect(call({ W: [3, 3, 2, 9] }, { groups: 2 })).toThrow(
      'conv2d: expected groups to divide 9 output channels, got 2 groups',
    );
    expect(call({ W: [100, 100, 4, 8] })).toThrow(
      'conv2d: expected at most 4096 taps, got 100×100',
    );
    expect(call({ x: [2, 2, 6, 4] })).toThrow(
      'conv2d: expected a kernel that fits into the padded image, 2×6, got one that spans 3×3',
    );
    expect(call({}, { dilationWidth: 3 })).toThrow(
      'conv2d: expected a kernel that fits into the padded image, 5×6, got one that spans 3×7',
    );
    expect(call({}, { strideWidth: 0 })).toThrow(
      'conv2d: expected strideWidth to be an integer of at least 1, got 0',
    );
    expect(call({}, { dilationHeight: 4097 })).toThrow(
      'conv2d: expected dilationHeight of at most 4096, got 4097',
    );
    expect(call({}, { paddingHeight: -1 })).toThrow(
      'conv2d: expected paddingHeight to be an integer of at least 0, got -1',
    );
    expect(callWith('conv2dBackwardBias', { dy: [2, 24] })).toThrow(
      'conv2d: expected dy of shape (B, OH, OW, OC), got (2, 24)',
    );
    expect(callWith('conv2dBackwardBias', { dy: [2, 3, 4, 8] }, { into: { db: [4] } })).toThrow(
      'conv2dBackwardBias: expected db of shape (8), got (4)',
    );
    expect(
      callWith('conv2dBiasForward', { ...fitting, b: [4] }, { attributes: PLAIN }),
      'bias of the inputs’ length',
    ).toThrow('conv2d: expected b of shape (8), got (4)');
  });
});

describeOnEachBackend('conv2d', (backend) => {
  const x = { data: [1, 2, 3, 4, 5, 6, 7, 8, 9], shape: [1, 3, 3, 1] };
  const W = { data: [1, 10, 100, 1000], shape: [2, 2, 1, 1] };

  it('sums windows times weights, without flipping the kernel', async () => {
    const { y } = await runOp(backend, 'conv2dForward', { x, W }, { attributes: PLAIN });
    expect([...y]).toEqual([5421, 6532, 8754, 9865]);
  });

  it('reads zeros outside the image', async () => {
    const attributes = { ...PLAIN, paddingHeight: 1, paddingWidth: 1, strideHeight: 3 };
    const { y } = await runOp(backend, 'conv2dForward', { x, W }, { attributes });
    expect([...y]).toEqual([1000, 2100, 3200, 300, 70, 87, 98, 9]);
  });

  it('adds the gradient of each output to the weights and pixels that it was computed from', async () => {
    const dy = { data: [1, 0, 0, 2], shape: [1, 2, 2, 1] };
    const { dW } = await runOp(
      backend,
      'conv2dBackwardWeight',
      { x, dy },
      { attributes: PLAIN, like: { dW: [2, 2, 1, 1] } },
    );
    expect([...dW]).toEqual([1 + 10, 2 + 12, 4 + 16, 5 + 18]);
    const { dx } = await runOp(
      backend,
      'conv2dBackwardInput',
      { dy, W },
      { attributes: PLAIN, like: { dx: [1, 3, 3, 1] } },
    );
    expect([...dx]).toEqual([1, 10, 0, 100, 1002, 20, 0, 200, 2000]);
    const { db } = await runOp(backend, 'conv2dBackwardBias', { dy });
    expect([...db]).toEqual([3]);
  });

  it('agrees with the reference', async () => {
    await forAll(
      convolutions(11, 7),
      (random, sizes) => expectAgreement(conv2dCase(random, sizes), backend),
      60,
    );
  });

  it.each([
    ['a first layer', { B: 3, H: 28, W: 28, C: 1, OC: 20, KH: 5, KW: 5 }],
    [
      'a first layer with padding and stride',
      { B: 5, H: 28, W: 28, C: 1, OC: 9, KH: 7, KW: 7, ...both(2, 3) },
    ],
    [
      'more images than a block has',
      { B: 40, H: 7, W: 7, C: 6, OC: 9, KH: 3, KW: 3, ...both(1, 1) },
    ],
    ['images of a pixel', { B: 50, H: 1, W: 1, C: 19, OC: 17, KH: 3, KW: 3, ...both(1, 1) }],
    ['images of few pixels', { B: 200, H: 2, W: 3, C: 7, OC: 9, KH: 3, KW: 3, ...both(1, 1) }],
    ['an image larger than a block', { B: 2, H: 40, W: 50, C: 3, OC: 5, KH: 3, KW: 3 }],
    ['rows longer than a block', { B: 1, H: 3, W: 900, C: 2, OC: 3, KH: 2, KW: 3 }],
    [
      'more weights than fit into scratch memory',
      { B: 1, H: 9, W: 9, C: 700, OC: 20, KH: 9, KW: 9 },
    ],
    ['a row of many blocks', { B: 1, H: 1, W: 50_000, C: 1, OC: 8, KH: 1, KW: 9, paddingWidth: 4 }],
    [
      'far more padding than image',
      { B: 2, H: 28, W: 28, C: 1, OC: 3, KH: 3, KW: 3, ...both(4000, 4000) },
    ],
    ['strides beyond the image', { B: 3, H: 5, W: 6, C: 3, OC: 4, KH: 2, KW: 2, ...both(4096, 1) }],
    [
      'more weights than fit into scratch memory, in groups',
      { B: 1, H: 5, W: 6, C: 6, OC: 500, KH: 7, KW: 7, ...both(1, 3), groups: 2 },
    ],
    ['strides that skip pixels', { B: 3, H: 11, W: 10, C: 5, OC: 12, KH: 1, KW: 2, ...both(3, 0) }],
    ['groups of one channel', { B: 3, H: 6, W: 6, C: 12, OC: 12, KH: 3, KW: 3, groups: 12 }],
  ])('agrees with the reference for %s', async (_, sizes) => {
    await forAll(
      fc.constant({ ...PLAIN, ...sizes }),
      (random, drawn) => expectAgreement(conv2dCase(random, drawn), backend),
      1,
    );
  });
});

function both(stride: number, padding: number) {
  return {
    strideHeight: stride,
    strideWidth: stride,
    paddingHeight: padding,
    paddingWidth: padding,
  };
}
