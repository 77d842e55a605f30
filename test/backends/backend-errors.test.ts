import { expect, it } from 'vitest';
import { DataError, ShapeError } from '../../src/errors.js';
import { describeOnEachBackend } from '../backends.js';

describeOnEachBackend('the numerical core', (backend) => {
  it('continues after a rejected call', async () => {
    const refused = backend.matmul([1], [1], { m: 1, n: 1, k: 2 });
    const next = backend.relu([7]);
    await expect(refused).rejects.toThrow(ShapeError);
    expect([...(await next)]).toEqual([7]);
  });

  const fits = { m: 2, n: 3, k: 4 };
  const ones = (length: number) => Array<number>(length).fill(1);
  const withAt = (length: number, index: number, value: number) =>
    ones(length).map((one, i) => (i === index ? value : one));

  const convolution = {
    batch: 2,
    height: 4,
    width: 5,
    inputs: 4,
    outputs: 6,
    kernel: [3, 2],
  } as const;
  // x, W and dy have this size.
  const [images, weights, gradients] = [ones(160), ones(144), ones(96)];

  it.each<[title: string, call: () => Promise<unknown>, error: Error]>([
    [
      'a first matrix of the wrong length',
      () => backend.matmul(ones(7), ones(12), fits),
      new ShapeError('matmul: expected a to have m·k = 8 elements, got 7'),
    ],
    [
      'a second matrix of the wrong length',
      () => backend.matmul(ones(8), ones(13), fits),
      new ShapeError('matmul: expected b to have k·n = 12 elements, got 13'),
    ],
    [
      'a size that is not an integer',
      () => backend.matmul(ones(8), ones(12), { ...fits, n: 2.5 }),
      new ShapeError('matmul: expected n to be an integer of at least 1, got 2.5'),
    ],
    [
      'a size of 0',
      () => backend.matmul([], ones(12), { ...fits, m: 0 }),
      new ShapeError('matmul: expected m to be an integer of at least 1, got 0'),
    ],
    [
      'a missing size',
      () => backend.linear([1], [1], [1], { batch: 1, inputs: 1 } as never),
      new ShapeError('linear: expected outputs to be an integer of at least 1, got undefined'),
    ],
    [
      'NaN in an input',
      () => backend.matmul(withAt(8, 5, NaN), ones(12), fits),
      new DataError('matmul: expected finite numbers in a, got NaN at 5'),
    ],
    [
      'infinity in a weight',
      () => backend.linear([1], [-Infinity], [1], { batch: 1, inputs: 1, outputs: 1 }),
      new DataError('linear: expected finite numbers in W, got -Infinity at 0'),
    ],
    [
      'a bias of the wrong length',
      () => backend.linear([1], [1], [1, 1], { batch: 1, inputs: 1, outputs: 1 }),
      new ShapeError('linear: expected b to have outputs = 1 elements, got 2'),
    ],
    [
      'a gradient of the wrong length',
      () => backend.linearBackwardBias(ones(5), { batch: 2, outputs: 3 }),
      new ShapeError('linearBackwardBias: expected dy to have batch·outputs = 6 elements, got 5'),
    ],
    [
      'images of the wrong length',
      () => backend.conv2d(ones(159), weights, undefined, convolution),
      new ShapeError(
        'conv2d: expected x to have batch·height·width·inputs = 160 elements, got 159',
      ),
    ],
    [
      'ungrouped weights for grouped channels',
      () => backend.conv2d(images, weights, undefined, { ...convolution, groups: 2 }),
      new ShapeError(
        'conv2d: expected W to have kernelHeight·kernelWidth·inputs/groups·outputs = 72 elements, got 144',
      ),
    ],
    [
      'one bias for all channels',
      () => backend.conv2d(images, weights, [1], convolution),
      new ShapeError('conv2d: expected b to have outputs = 6 elements, got 1'),
    ],
    [
      'a pixel of NaN',
      () => backend.conv2d(withAt(160, 7, NaN), weights, undefined, convolution),
      new DataError('conv2d: expected finite numbers in x, got NaN at 7'),
    ],
    [
      'an infinite bias',
      () => backend.conv2d(images, weights, withAt(6, 2, Infinity), convolution),
      new DataError('conv2d: expected finite numbers in b, got Infinity at 2'),
    ],
    [
      'images without a height',
      () =>
        backend.conv2d(images, weights, undefined, { ...convolution, height: undefined } as never),
      new ShapeError('conv2d: expected height to be an integer of at least 1, got undefined'),
    ],
    [
      'a convolution without a kernel',
      () =>
        backend.conv2d(images, weights, undefined, { ...convolution, kernel: undefined } as never),
      new ShapeError('conv2d: expected kernel to be one number or [height, width], got undefined'),
    ],
    [
      'a kernel larger than the image',
      () => backend.conv2d(images, weights, undefined, { ...convolution, kernel: 5 }),
      new ShapeError(
        'conv2d: expected a kernel that fits into the padded image, 4×5, got one that spans 5×5',
      ),
    ],
    [
      'a stride of 0',
      () => backend.conv2dBackwardInput(gradients, weights, { ...convolution, stride: [1, 0] }),
      new ShapeError('conv2dBackwardInput: expected stride to be an integer of at least 1, got 0'),
    ],
    [
      'negative padding',
      () => backend.conv2dBackwardWeight(images, gradients, { ...convolution, padding: -1 }),
      new ShapeError(
        'conv2dBackwardWeight: expected padding to be an integer of at least 0, got -1',
      ),
    ],
    [
      'groups that do not divide the channels',
      () => backend.conv2dBackwardBias(gradients, { ...convolution, groups: 4 }),
      new ShapeError(
        'conv2dBackwardBias: expected groups to divide 4 input and 6 output channels, got 4',
      ),
    ],
    [
      'images instead of the output’s gradient',
      () => backend.conv2dBackwardInput(images, weights, convolution),
      new ShapeError(
        'conv2dBackwardInput: expected dy to have batch·outHeight·outWidth·outputs = 96 elements, got 160',
      ),
    ],
    [
      'too few weights for the input’s gradient',
      () => backend.conv2dBackwardInput(gradients, ones(143), convolution),
      new ShapeError(
        'conv2dBackwardInput: expected W to have kernelHeight·kernelWidth·inputs/groups·outputs = 144 elements, got 143',
      ),
    ],
    [
      'a gradient of NaN',
      () => backend.conv2dBackwardWeight(images, withAt(96, 0, NaN), convolution),
      new DataError('conv2dBackwardWeight: expected finite numbers in dy, got NaN at 0'),
    ],
    [
      'too few images for the weight’s gradient',
      () => backend.conv2dBackwardWeight(ones(80), gradients, convolution),
      new ShapeError(
        'conv2dBackwardWeight: expected x to have batch·height·width·inputs = 160 elements, got 80',
      ),
    ],
    [
      'a gradient of the wrong length for the bias',
      () => backend.conv2dBackwardBias(ones(97), convolution),
      new ShapeError(
        'conv2dBackwardBias: expected dy to have batch·outHeight·outWidth·outputs = 96 elements, got 97',
      ),
    ],
    [
      'an empty array',
      () => backend.relu([]),
      new ShapeError('relu: expected the length of x to be an integer of at least 1, got 0'),
    ],
    [
      'NaN in the input of relu',
      () => backend.relu([1, NaN]),
      new DataError('relu: expected finite numbers in x, got NaN at 1'),
    ],
    [
      'a gradient that is shorter than the output',
      () => backend.tanhBackward([1], [0.5, 0.5]),
      new ShapeError('tanhBackward: expected dy to have n = 2 elements, got 1'),
    ],
    [
      'logits that are not whole rows',
      () => backend.softmax(ones(7), { classes: 3 }),
      new ShapeError('softmax: expected logits to have batch·classes = 6 elements, got 7'),
    ],
    [
      'fewer logits than classes',
      () => backend.softmax(ones(2), { classes: 3 }),
      new ShapeError('softmax: expected logits to have batch·classes = 0 elements, got 2'),
    ],
    [
      'a number of classes that is not an integer',
      () => backend.softmaxCrossEntropy(ones(3), [0], { classes: 1.5 }),
      new ShapeError(
        'softmaxCrossEntropy: expected classes to be an integer of at least 1, got 1.5',
      ),
    ],
    [
      'a wrong number of labels',
      () => backend.softmaxCrossEntropy(ones(6), [0], { classes: 3 }),
      new ShapeError('softmaxCrossEntropy: expected labels to have batch = 2 elements, got 1'),
    ],
    [
      'a label out of range',
      () => backend.softmaxCrossEntropy(ones(6), [0, 3], { classes: 3 }),
      new DataError('softmaxCrossEntropy: expected labels from 0 to 2, got 3 at 1'),
    ],
    [
      'a label that is not an integer',
      () => backend.softmaxCrossEntropy(ones(6), [0.5, 1], { classes: 3 }),
      new DataError('softmaxCrossEntropy: expected labels from 0 to 2, got 0.5 at 0'),
    ],
    [
      'a binary label of 2',
      () => backend.binaryCrossEntropy([1, 1], [1, 2]),
      new DataError('binaryCrossEntropy: expected labels from 0 to 1, got 2 at 1'),
    ],
    [
      'a negative label',
      () => backend.mnistLoss([1], [-1]),
      new DataError('mnistLoss: expected labels from 0 to 1, got -1 at 0'),
    ],
    [
      'a wrong number of targets',
      () => backend.squaredError([1, 2], [1]),
      new ShapeError('squaredError: expected targets to have n = 2 elements, got 1'),
    ],
    [
      'a target of NaN',
      () => backend.squaredError([1], [NaN]),
      new DataError('squaredError: expected finite numbers in targets, got NaN at 0'),
    ],
    [
      'a learning rate of NaN',
      () => backend.sgd([1], [1], { learningRate: NaN }),
      new RangeError('sgd: expected learningRate to be a finite number of at least 0, got NaN'),
    ],
    [
      'a negative weight decay',
      () => backend.sgd([1], [1], { learningRate: 1, weightDecay: -1 }),
      new RangeError('sgd: expected weightDecay to be a finite number of at least 0, got -1'),
    ],
    [
      'a wrong number of gradients',
      () => backend.sgd([1, 2], [1], { learningRate: 1 }),
      new ShapeError('sgd: expected dw to have n = 2 elements, got 1'),
    ],
  ])('rejects %s', async (_title, call, error) => {
    await expect(call()).rejects.toThrow(error);
    await expect(call()).rejects.toBeInstanceOf(error.constructor);
  });
});
