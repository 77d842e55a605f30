import { matmul } from '../ops/matmul.js';
import { OPS } from '../ops/registry.js';
import { RandomStream } from '../random/threefry.js';
import { Step } from '../step.js';
import { persistent } from '../tensor.js';
import type { Candidate } from './candidate.js';
import { benchOp, type OpCase, operationsOf } from './op-case.js';
import { multiplyAddPeak } from './peaks.js';
import type { BenchResult } from './result.js';
import { type Expected, faultOf } from './verify.js';

export interface MatmulShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** `T` for an operand that is stored transposed: the first letter is A's, the second B's. */
  readonly transpose: 'NN' | 'TN' | 'NT';
}

/** Products of the recipes' training steps, and two large ones. */
export const MATMUL_SHAPES: readonly MatmulShape[] = [
  { m: 64, k: 784, n: 30, transpose: 'NN' },
  { m: 784, k: 64, n: 30, transpose: 'TN' },
  { m: 64, k: 30, n: 784, transpose: 'NT' },
  { m: 64, k: 784, n: 128, transpose: 'NN' },
  { m: 512, k: 512, n: 512, transpose: 'NN' },
  { m: 1024, k: 1024, n: 1024, transpose: 'NN' },
];

/** Above this number of operations, only a projection of C is compared: all of C would take minutes. */
const CHECKED_OPERATIONS = 2 ** 27;

/** Times C = A·B on every candidate, with the peak of each candidate. */
export async function benchMatmul(
  candidates: readonly Candidate[],
  shapes: readonly MatmulShape[],
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const shape of shapes) results.push(...(await benchShape(candidates, shape, repeat)));
  return results;
}

async function benchShape(
  candidates: readonly Candidate[],
  shape: MatmulShape,
  repeat: number,
): Promise<BenchResult[]> {
  const opCase = matmulCase(shape);
  const operations = operationsOf(opCase.step);
  const peaksOf = ({ backend }: Candidate) => multiplyAddPeak(backend, operations);
  const outcomes = await benchOp(candidates, opCase, peaksOf, repeat);
  return outcomes.map((outcome) => ({
    op: 'matmul',
    shape: { ...shape },
    ...outcome,
    gflops: operations / outcome.ms.median / 1e6,
  }));
}

/** A product of random matrices. */
export function matmulCase(shape: MatmulShape): OpCase {
  const { m, k, n } = shape;
  const { transposeA, transposeB } = transposesOf(shape);
  const A = persistent('A', transposeA ? [k, m] : [m, k]);
  const B = persistent('B', transposeB ? [n, k] : [k, n]);
  const C = persistent('C', [m, n]);
  const step = new Step();
  const attributes = { transposeA: Number(transposeA), transposeB: Number(transposeB) };
  step.call(OPS.matmul, { A, B }, { attributes, into: { C } });
  const [a, b] = [randomFloats(A.size, 1), randomFloats(B.size, 2)];
  return {
    step,
    values: new Map([
      [A, a],
      [B, b],
    ]),
    outputs: [C],
    isRight: ([c]) => isRight(c, a, b, shape),
  };
}

/** Compares C with the reference; a large C by a random projection, C·v = A·(B·v). */
function isRight(
  c: ArrayLike<number>,
  a: Float32Array,
  b: Float32Array,
  shape: MatmulShape,
): boolean {
  const { m, k, n } = shape;
  if (2 * m * n * k <= CHECKED_OPERATIONS) {
    return faultOf(c, expectedProduct(a, b, shape)) === undefined;
  }
  const { transposeA, transposeB } = transposesOf(shape);
  const project = (A: Float32Array, B: Float32Array, v: Float64Array) => {
    const inner = new Float64Array(k);
    matmul(inner, Float64Array.from(B), v, { M: k, N: 1, K: n }, transposeB, false);
    const outer = new Float64Array(m);
    matmul(outer, Float64Array.from(A), inner, { M: m, N: 1, K: k }, transposeA, false);
    return outer;
  };
  const v = Float64Array.from(randomFloats(n, 3));
  const got = new Float64Array(m);
  matmul(got, Float64Array.from(c), v, { M: m, N: 1, K: n }, false, false);
  const magnitudes = project(a.map(Math.abs), b.map(Math.abs), v.map(Math.abs));
  return faultOf(got, { want: project(a, b, v), magnitudes, terms: k }) === undefined;
}

/** C = A·B in float64, and Σ|aᵢbᵢ| of each element. */
export function expectedProduct(a: Float32Array, b: Float32Array, shape: MatmulShape): Expected {
  const { m, k, n } = shape;
  const { transposeA, transposeB } = transposesOf(shape);
  const product = (A: Float32Array, B: Float32Array) => {
    const C = new Float64Array(m * n);
    const sizes = { M: m, N: n, K: k };
    matmul(C, Float64Array.from(A), Float64Array.from(B), sizes, transposeA, transposeB);
    return C;
  };
  return {
    want: product(a, b),
    magnitudes: product(a.map(Math.abs), b.map(Math.abs)),
    terms: k,
  };
}

function transposesOf({ transpose }: MatmulShape) {
  return { transposeA: transpose[0] === 'T', transposeB: transpose[1] === 'T' };
}

/** Uniform on [−1, 1). The same seed gives the same numbers. */
export function randomFloats(size: number, seed: number): Float32Array {
  const random = new RandomStream(seed, 0);
  return Float32Array.from({ length: size }, () => 2 * random.nextFloat() - 1);
}
