import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBackend } from '../../src/numerics/create-backend.js';
import { matmulCase } from '../../src/ops/matmul.js';
import { OPS } from '../../src/ops/registry.js';
import { inNode } from '../../src/platform/node.js';
import { RandomStream } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import {
  callWith,
  expectAgreement,
  expectGradients,
  expectNear,
  extent,
  forAll,
  matrix,
  runOp,
} from './checks.js';

function products(largest: number) {
  return fc.record({
    M: extent(largest),
    N: extent(largest),
    K: extent(largest),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  });
}

/** Fewer in browsers, which run the same kernels as Node. */
const RUNS = inNode ? 60 : 20;

const PLAIN = { transposeA: 0, transposeB: 0 };

describe('matmul', () => {
  it('has the gradients that central differences find, however A and B are stored', async () => {
    await forAll(products(7), (random, sizes) => expectGradients(matmulCase(random, sizes)));
  });

  it('refuses matrices that do not fit together', () => {
    expect(callWith('matmul', { A: [2, 3], B: [4, 2] }, { attributes: PLAIN })).toThrow(
      'matmul: expected B of shape (3, N) to match K = 3 of A (2, 3), got (4, 2)',
    );
    const transposed = { transposeA: 1, transposeB: 1 };
    expect(callWith('matmul', { A: [2, 3], B: [2, 4] }, { attributes: transposed })).toThrow(
      'matmul: expected B of shape (N, 2) to match K = 2 of A (2, 3), got (2, 4)',
    );
    expect(
      callWith('matmul', { A: [2, 3], B: [3, 2] }, { attributes: PLAIN, into: { C: [2, 3] } }),
    ).toThrow('matmul: expected C of shape (2, 2), got (2, 3)');
    expect(callWith('matmul', { A: [6], B: [3, 2] }, { attributes: PLAIN })).toThrow(
      'matmul: expected A of shape (M, K), got (6)',
    );
  });
});

describeOnEachBackend('matmul', (backend) => {
  it('multiplies small matrices as computed by hand', async () => {
    const [A, B] = [matrix([1, 2, 3], [4, 5, 6]), matrix([7, 8], [9, 10], [11, 12])];
    const { C } = await runOp(backend, 'matmul', { A, B }, { attributes: PLAIN });
    expect([...C]).toEqual([58, 64, 139, 154]);
  });

  it.each([
    { transposeA: false, transposeB: false },
    { transposeA: false, transposeB: true },
    { transposeA: true, transposeB: false },
    { transposeA: true, transposeB: true },
  ])('agrees with the reference for all remainders of the tiles, %o', async (stored) => {
    const tiles = fc.record({ M: extent(14), N: extent(18), K: extent(20) });
    await forAll(
      tiles,
      (random, sizes) => expectAgreement(matmulCase(random, { ...sizes, ...stored }), backend),
      RUNS,
    );
  });

  it('agrees with the reference for sums beyond one block of the GEMM', async () => {
    const long = fc.record({
      M: extent(9),
      N: extent(11),
      K: fc.constantFrom(1023, 1024, 1025, 1031, 2049),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    });
    await forAll(long, (random, sizes) => expectAgreement(matmulCase(random, sizes), backend));
  });

  it.each([
    { what: 'B is copied into strips', M: 50, N: 165, K: 60, transposeA: false },
    { what: 'rows of A lie far apart', M: 45, N: 261, K: 1050, transposeA: false },
    { what: 'columns of A lie far apart', M: 1051, N: 258, K: 40, transposeA: true },
    { what: 'B fills scratch memory more than once', M: 50, N: 700, K: 1100, transposeA: false },
    { what: 'large tiles fill a GPU', M: 520, N: 1030, K: 20, transposeA: false },
    { what: 'large tiles use split-K', M: 65, N: 1985, K: 520, transposeA: true },
  ])('agrees with the reference where $what', async ({ M, N, K, transposeA }) => {
    const sizes = { M, N, K, transposeA, transposeB: false };
    await expectAgreement(matmulCase(new RandomStream(1, 0), sizes), backend);
  });

  it('multiplies products by products in one step, repeatedly', async () => {
    const { runtime } = backend;
    const [M, N, K] = [9, 2051, 1030];
    const [A, B, E] = [persistent('A', [M, K]), persistent('B', [K, N]), persistent('E', [N, M])];
    const step = new Step();
    const result = persistent('result', [K, M]);
    const { C } = step.call(OPS.matmul, { A, B }, { attributes: PLAIN });
    const { C: D } = step.call(OPS.matmul, { A: C, B: E }, { attributes: PLAIN });
    const attributes = { transposeA: 1, transposeB: 0 };
    step.call(OPS.matmul, { A, B: D }, { attributes, into: { C: result } });
    const executable = await runtime.compile(step);
    for (const scale of [1, 2]) {
      runtime.write(A, new Float32Array(M * K).fill(scale));
      runtime.write(B, new Float32Array(K * N).fill(1 / K));
      runtime.write(E, new Float32Array(N * M).fill(1 / N));
      await executable.run(3);
      expectNear(await runtime.read(result), new Array(K * M).fill(M * scale ** 2), 1e-5);
    }
    executable.close();
    runtime.release([A, B, E, result]);
  });

  it('propagates NaN and infinity to the elements that depend on them only', async () => {
    const A = matrix([1, Number.NaN, 3], [4, 5, 6], [7, Number.POSITIVE_INFINITY, 9]);
    const B = matrix([1, 1], [1, 1], [1, 1]);
    const { C } = await runOp(backend, 'matmul', { A, B }, { attributes: PLAIN });
    const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY];
    expect([...C]).toEqual([nan, nan, 15, 15, infinity, infinity]);
  });
});

describe('matmul in WebAssembly', () => {
  it('reads nothing beyond a result at the end of the memory', async () => {
    const [N, K] = [4000, 1025];
    await using backend = await createBackend('wasm');
    const { runtime } = backend;
    const [A, B, C] = [persistent('A', [1, K]), persistent('B', [K, N]), persistent('C', [1, N])];
    runtime.write(A, new Float32Array(K).fill(1));
    runtime.write(B, new Float32Array(K * N).fill(1));
    const step = new Step();
    step.call(OPS.matmul, { A, B }, { attributes: PLAIN, into: { C } });
    await (await runtime.compile(step)).run(1);
    expect(await runtime.read(C)).toEqual(new Float32Array(N).fill(K));
  });
});
