import { afterAll, describe, expect, it, vi } from 'vitest';
import { benchConv2d, convolution, multiplyAddsOf } from '../../src/bench/conv2d.js';
import { createBackend } from '../../src/numerics/create-backend.js';

const backend = await createBackend('wasm');
afterAll(() => backend.close());
const candidates = [{ backend, open: () => createBackend('wasm') }];

describe('the benchmark of convolutions', () => {
  it.each([
    ['every tap of every window', convolution([2, 4, 5, 3, 7, 3]), 2 * (2 * 3) * (3 * 3) * 3 * 7],
    ['no tap on padding', convolution([1, 1, 1, 1, 1, 3], 1, 1), 1],
    [
      'the windows that remain with a stride',
      convolution([1, 5, 5, 1, 1, 3], 2, 1),
      (2 + 3 + 2) * (2 + 3 + 2),
    ],
    ['nothing for windows on padding alone', convolution([1, 1, 1, 1, 1, 1], 1, 2), 1],
  ])('counts %s', (_, shape, products) => {
    expect(multiplyAddsOf(shape)).toBe(products);
  });

  it('skips the gradient of an input with one channel', async () => {
    const results = await benchConv2d(candidates, [convolution([1, 4, 4, 1, 2, 3])], 1);
    expect(results.map(({ shape }) => shape.pass)).toEqual(['forward', 'backward-weight']);
  });

  it.each([
    ['small', convolution([2, 4, 4, 2, 3, 3], 1, 1)],
    ['large enough that only a part is compared', convolution([40, 16, 16, 17, 40, 3], 1, 1)],
  ])('verifies a convolution that is %s', async (_, shape) => {
    const results = await benchConv2d(candidates, [shape], 1);
    expect(results.map(({ verified }) => verified)).toEqual([true, true, true]);
  });

  it.each([
    ['one number of a small result', convolution([2, 4, 4, 2, 3, 3]), 1],
    ['every image of a large one', convolution([40, 16, 16, 17, 40, 3]), Infinity],
  ])('reports a wrong result if %s is wrong', async (_, shape, wrong) => {
    const read = backend.runtime.read.bind(backend.runtime);
    vi.spyOn(backend.runtime, 'read').mockImplementation(async (tensor) =>
      (await read(tensor)).map((value, i) => (i < wrong ? value + 1 : value)),
    );
    try {
      const results = await benchConv2d(candidates, [shape], 1);
      expect(results.map(({ verified }) => verified)).toEqual([false, false, false]);
    } finally {
      vi.restoreAllMocks();
    }
  });
});
