/* Sizes that no machine has the memory for: one sentence with the size, in place of the engine's. */
import { describe, expect, it } from 'vitest';
import { ACTIVATIONS, Heap, purposeOf } from '../src/backends/wasm/memory/heap.js';
import { syntheticDigits } from '../src/data/index.js';
import {
  createBackend,
  linear,
  normal,
  sgd,
  softmaxCrossEntropy,
  Trainer,
  zeros,
} from '../src/index.js';
import { newArray } from '../src/typed-arrays.js';
import { shell } from './cli/run.js';

const REFUSAL =
  /^\w+: expected \d+\.\d MiB of memory for [^;]+, got a refusal from the engine; use fewer or smaller examples, or a smaller batch or model$/;

describe('out of memory', () => {
  it.each([2 ** 33, 2 ** 36, 2 ** 52])('names the size of an array of %d numbers', (length) => {
    const mib = (length * 8) / 2 ** 20;
    const create = () => newArray('op', 'numbers', Float64Array, length);
    expect(create).toThrow(RangeError);
    expect(create).toThrow(
      `op: expected ${mib.toFixed(1)} MiB of memory for numbers, got a refusal`,
    );
    expect(create).toThrow(REFUSAL);
  });

  it('names the images that do not fit', () => {
    expect(() => syntheticDigits({ trainSize: 2 ** 43 })).toThrow(REFUSAL);
    expect(() => syntheticDigits({ trainSize: 2 ** 43 })).toThrow(`for ${2 ** 43} images`);
  });

  it.each([
    ['kaimingUniform', undefined],
    ['zeros', zeros()],
    ['normal', normal()],
  ])('names the parameter that does not fit: %s', async (name, initializer) => {
    const backend = await createBackend('reference');
    const model = linear(2 ** 20, 2 ** 20, initializer && { initializer });
    const options = {
      loss: softmaxCrossEntropy(),
      optimizer: sgd({ learningRate: 1 }),
      batchSize: 1,
    };
    const create = () => new Trainer(backend, { model, ...options });
    expect(create).toThrow(REFUSAL);
    expect(create).toThrow(
      new RegExp(`^(${name}|reference): expected 4194304.0 MiB of memory for`),
    );
    await backend.close();
  });

  it.each(['reference', 'wasm'] as const)(
    'names the tensor that does not fit: %s',
    async (name) => {
      const backend = await createBackend(name);
      const a = new Float32Array(2 ** 17);
      const product = backend.matmul(a, a, { m: 2 ** 17, n: 2 ** 17, k: 1 });
      await expect(product).rejects.toThrow(
        name === 'wasm'
          ? /^wasm: expected 65536\.0 MiB for \w+ of shape \(131072, 131072\) beside \d+\.\d MiB in use, got a refusal from the engine, whose limit is 4096\.0 MiB; use a smaller/
          : REFUSAL,
      );
      // The backend goes on.
      expect((await backend.matmul(a, a, { m: 1, n: 1, k: 2 ** 17 }))[0]).toBe(0);
      await backend.close();
    },
  );

  it('gives advice that fits what the memory was for', () => {
    const heap = new Heap(new WebAssembly.Memory({ initial: 1, maximum: 2 }), 0);
    const tensor = { name: '0.weight', shape: [2 ** 20, 4] } as never;
    for (const [purpose, advice] of [
      [purposeOf(tensor), 'for 0.weight of shape (1048576, 4) beside 0.0 MiB'],
      [purposeOf(tensor), 'use a smaller model or dataset'],
      [ACTIVATIONS, 'use a smaller batch or model'],
    ] as const) {
      expect(() => heap.allocate(2 ** 24, purpose)).toThrow(advice);
    }
  });

  it.runIf(process.platform === 'linux')(
    'names address space that the system refuses, for any number of threads',
    async () => {
      const script = (threads: number) =>
        `ulimit -v 8000000; exec $HANDGRAD train line --backend wasm --threads ${threads}`;
      for (const threads of [1, 2]) {
        const { status, stderr } = await shell(script(threads));
        expect(stderr).toMatch(
          /^handgrad: wasm: expected up to 10 GiB of address space for a memory of 4 GiB, got a refusal from the engine; raise the limit \(ulimit -v\), close other backends, or use the reference backend\n$/,
        );
        expect(status).toBe(1);
      }
      // The advice works.
      expect(
        await shell('ulimit -v 8000000; exec $HANDGRAD train line --backend reference'),
      ).toMatchObject({
        status: 0,
        stderr: '',
      });
    },
  );
});
