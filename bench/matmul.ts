import { matmul } from '../src/ops/matmul.js';
import { RandomStream } from '../src/random/threefry.js';
import { Step } from '../src/step.js';
import { persistent } from '../src/tensor.js';
import { type Contender, identify } from './contender.js';
import { benchOp, type OpCase } from './op-case.js';
import type { BenchResult } from './result.js';
import { multiplyAddRoof } from './roofs.js';
import { agree } from './verify.js';

export interface MatmulShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Which operands are stored transposed: the first letter is A's, the second B's. */
  readonly transpose: 'NN' | 'TN' | 'NT';
}

/** The products of the recipes' training steps, and two large ones. */
export const MATMUL_SHAPES: readonly MatmulShape[] = [
  { m: 64, k: 784, n: 30, transpose: 'NN' },
  { m: 784, k: 64, n: 30, transpose: 'TN' },
  { m: 64, k: 30, n: 784, transpose: 'NT' },
  { m: 64, k: 784, n: 128, transpose: 'NN' },
  { m: 512, k: 512, n: 512, transpose: 'NN' },
  { m: 1024, k: 1024, n: 1024, transpose: 'NN' },
];

/** Operations above which only a projection of C is compared: all of it would take minutes. */
const CHECKED_OPERATIONS = 2 ** 27;

/** Times C = A·B on every contender, beside the roof of each. */
export async function benchMatmul(
  contenders: readonly Contender[],
  shapes: readonly MatmulShape[],
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const shape of shapes) results.push(...(await benchShape(contenders, shape, repeat)));
  return results;
}

async function benchShape(
  contenders: readonly Contender[],
  shape: MatmulShape,
  repeat: number,
): Promise<BenchResult[]> {
  const operations = 2 * shape.m * shape.k * shape.n;
  const roofsOf = ({ backend }: Contender) => multiplyAddRoof(backend, operations);
  const outcomes = await benchOp(contenders, matmulCase(shape), roofsOf, repeat);
  return outcomes.map((outcome, i) => ({
    op: 'matmul',
    shape: { ...shape },
    ...identify(contenders[i]),
    ...outcome,
    gflops: operations / outcome.ms.median / 1e6,
  }));
}

/** A product of random matrices. */
export function matmulCase(shape: MatmulShape): OpCase {
  const { m, k, n, transpose } = shape;
  const [transposeA, transposeB] = [transpose[0] === 'T', transpose[1] === 'T'];
  const A = persistent('A', transposeA ? [k, m] : [m, k]);
  const B = persistent('B', transposeB ? [n, k] : [k, n]);
  const C = persistent('C', [m, n]);
  const step = new Step();
  const attributes = { transposeA: Number(transposeA), transposeB: Number(transposeB) };
  step.call('matmul', { C, A, B }, attributes);
  const [a, b] = [randomReals(A.size, 1), randomReals(B.size, 2)];
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

/** Compares with the reference, by a random vector where the product is too large: A·(B·v) = C·v. */
function isRight(
  c: ArrayLike<number>,
  a: Float32Array,
  b: Float32Array,
  { m, k, n, transpose }: MatmulShape,
): boolean {
  const [transposeA, transposeB] = [transpose[0] === 'T', transpose[1] === 'T'];
  const product = (A: ArrayLike<number>, B: ArrayLike<number>) => {
    const C = new Float64Array(m * n);
    matmul(C, Float64Array.from(A), Float64Array.from(B), [m, n, k], transposeA, transposeB);
    return C;
  };
  if (2 * m * n * k <= CHECKED_OPERATIONS) {
    return agree(c, product(a, b), product(a.map(Math.abs), b.map(Math.abs)), k);
  }
  const project = (A: Float32Array, B: Float32Array, v: Float64Array) => {
    const inner = new Float64Array(k);
    matmul(inner, Float64Array.from(B), v, [k, 1, n], transposeB, false);
    const outer = new Float64Array(m);
    matmul(outer, Float64Array.from(A), inner, [m, 1, k], transposeA, false);
    return outer;
  };
  const v = Float64Array.from(randomReals(n, 3));
  const got = new Float64Array(m);
  matmul(got, Float64Array.from(c), v, [m, 1, n], false, false);
  const magnitudes = project(a.map(Math.abs), b.map(Math.abs), v.map(Math.abs));
  return agree(got, project(a, b, v), magnitudes, k);
}

/** Uniform on [−1, 1), the same for the same seed. */
export function randomReals(size: number, seed: number): Float32Array {
  const random = new RandomStream(seed, 0);
  return Float32Array.from({ length: size }, () => 2 * random.nextFloat() - 1);
}
