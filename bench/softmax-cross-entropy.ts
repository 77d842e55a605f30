import {
  softmaxCrossEntropyBackward,
  softmaxCrossEntropyForward,
} from '../src/ops/softmax-cross-entropy.js';
import { Step } from '../src/step.js';
import { persistent, type Tensor } from '../src/tensor.js';
import { type Contender, identify } from './contender.js';
import { randomReals } from './matmul.js';
import { benchOp, type OpCase } from './op-case.js';
import type { BenchResult } from './result.js';
import { copyRoof, exponentialRoof } from './roofs.js';
import { agree } from './verify.js';

export interface BatchShape {
  readonly batch: number;
  readonly classes: number;
}

export const SOFTMAX_SHAPES: readonly BatchShape[] = [
  { batch: 64, classes: 10 },
  { batch: 4096, classes: 1000 },
];

/** Times loss and gradient together on every contender. */
export async function benchSoftmaxCrossEntropy(
  contenders: readonly Contender[],
  shapes: readonly BatchShape[],
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const shape of shapes) results.push(...(await benchShape(contenders, shape, repeat)));
  return results;
}

async function benchShape(
  contenders: readonly Contender[],
  shape: BatchShape,
  repeat: number,
): Promise<BenchResult[]> {
  const elements = shape.batch * shape.classes;
  // Logits in, gradient out; probabilities need not leave the core.
  const bytes = 2 * 4 * elements;
  // The roof is whichever takes longer: moving the bytes, or the exponentials.
  const roofsOf = async ({ backend }: Contender) => {
    const exponentials = await exponentialRoof(backend, elements);
    if (exponentials.length === 0) return [];
    return [...exponentials, await copyRoof(backend, bytes, 4 * elements)];
  };
  const outcomes = await benchOp(contenders, lossCase(shape), roofsOf, repeat);
  return outcomes.map((outcome, i) => ({
    op: 'softmax-cross-entropy',
    shape: { ...shape },
    ...identify(contenders[i]),
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
  const p = step.activation('p', [batch, classes]);
  step.call('softmaxCrossEntropyForward', { L, p, z, t });
  step.call('softmaxCrossEntropyBackward', { dz, p, t });
  const logits = randomReals(z.size, 1).map((value) => 10 * value);
  const labels = Int32Array.from({ length: batch }, (_, n) => n % classes);
  return {
    step,
    values: new Map<Tensor, Float32Array | Int32Array>([
      [z, logits],
      [t, labels],
    ]),
    outputs: [L, dz],
    isRight: ([[loss], gradient]) => isRight(loss, gradient, logits, labels, [batch, classes]),
  };
}

function isRight(
  loss: number,
  gradient: ArrayLike<number>,
  logits: Float32Array,
  labels: Int32Array,
  sizes: readonly [batch: number, classes: number],
): boolean {
  const [batch, classes] = sizes;
  const L = new Float64Array(1);
  const p = new Float64Array(batch * classes);
  const dz = new Float64Array(batch * classes);
  softmaxCrossEntropyForward(L, p, logits, labels, sizes);
  softmaxCrossEntropyBackward(dz, p, labels, sizes);
  // A probability is a quotient by a sum of `classes` terms; the gradient, its B-th part.
  const magnitudes = p.map((value) => (1 + value) / batch);
  return agree([loss], L, L, batch * classes) && agree(gradient, dz, magnitudes, classes);
}
