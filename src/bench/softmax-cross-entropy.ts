import { OPS } from '../ops/registry.js';
import {
  softmaxCrossEntropyBackward,
  softmaxCrossEntropyForward,
} from '../ops/softmax-cross-entropy.js';
import { Step } from '../step.js';
import { persistent, type Tensor } from '../tensor.js';
import type { Candidate } from './candidate.js';
import { randomFloats } from './matmul.js';
import { benchOp, type OpCase } from './op-case.js';
import { copyPeak, exponentialPeak } from './peaks.js';
import type { BenchResult } from './result.js';
import { faultOf } from './verify.js';

export interface BatchShape {
  readonly batch: number;
  readonly classes: number;
}

export const SOFTMAX_SHAPES: readonly BatchShape[] = [
  { batch: 64, classes: 10 },
  { batch: 4096, classes: 1000 },
];

/** Times loss and gradient together on every candidate. */
export async function benchSoftmaxCrossEntropy(
  candidates: readonly Candidate[],
  shapes: readonly BatchShape[],
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const shape of shapes) results.push(...(await benchShape(candidates, shape, repeat)));
  return results;
}

async function benchShape(
  candidates: readonly Candidate[],
  shape: BatchShape,
  repeat: number,
): Promise<BenchResult[]> {
  const elements = shape.batch * shape.classes;
  // Logits in, gradient out; the probabilities may stay in the core's cache.
  const bytes = 2 * 4 * elements;
  // Two peaks: memory bandwidth and exponentials. The slower one limits the op.
  const peaksOf = async ({ backend }: Candidate) => {
    const exponentials = await exponentialPeak(backend, elements);
    if (exponentials.length === 0) return [];
    return [...exponentials, await copyPeak(backend, bytes, 4 * elements)];
  };
  const outcomes = await benchOp(candidates, lossCase(shape), peaksOf, repeat);
  return outcomes.map((outcome) => ({
    op: 'softmax-cross-entropy',
    shape: { ...shape },
    ...outcome,
    gigabytesPerSecond: bytes / outcome.ms.median / 1e6,
  }));
}

function lossCase({ batch, classes }: BatchShape): OpCase {
  const z = persistent('z', [batch, classes]);
  const t = persistent('t', [batch], 'int32');
  const L = persistent('L', [1]);
  const dz = persistent('dz', [batch, classes]);
  const step = new Step();
  const { p } = step.call(OPS.softmaxCrossEntropyForward, { z, t }, { into: { L } });
  step.call(OPS.softmaxCrossEntropyBackward, { p, t }, { into: { dz } });
  const logits = randomFloats(z.size, 1).map((value) => 10 * value);
  const labels = Int32Array.from({ length: batch }, (_, n) => n % classes);
  return {
    step,
    values: new Map<Tensor, Float32Array | Int32Array>([
      [z, logits],
      [t, labels],
    ]),
    outputs: [L, dz],
    isRight: ([[loss], gradient]) => isRight(loss, gradient, logits, labels, { batch, classes }),
  };
}

function isRight(
  loss: number,
  gradient: ArrayLike<number>,
  logits: Float32Array,
  labels: Int32Array,
  { batch, classes }: BatchShape,
): boolean {
  const sizes = { B: batch, C: classes };
  const L = new Float64Array(1);
  const p = new Float64Array(batch * classes);
  const dz = new Float64Array(batch * classes);
  softmaxCrossEntropyForward(L, p, logits, labels, sizes);
  softmaxCrossEntropyBackward(dz, p, labels, sizes);
  // A probability is a quotient by a sum of `classes` terms; the gradient is (p − 1 or 0) / B.
  const magnitudes = p.map((value) => (1 + value) / batch);
  const faults = [
    faultOf([loss], { want: L, magnitudes: L, terms: batch * classes }),
    faultOf(gradient, { want: dz, magnitudes, terms: classes }),
  ];
  return faults.every((fault) => fault === undefined);
}
