import type { Backend } from '../src/backends/backend.js';
import {
  softmaxCrossEntropyBackward,
  softmaxCrossEntropyForward,
} from '../src/ops/softmax-cross-entropy.js';
import { Step } from '../src/step.js';
import { persistent } from '../src/tensor.js';
import { contestantOf } from './harness.js';
import { randomReals } from './matmul.js';
import { type BenchResult, identify } from './result.js';
import { copyRoof, exponentialRoof, raceUnderRoofs } from './roofs.js';
import { agree } from './verify.js';

export interface BatchShape {
  readonly batch: number;
  readonly classes: number;
}

export const SOFTMAX_SHAPES: readonly BatchShape[] = [
  { batch: 64, classes: 10 },
  { batch: 4096, classes: 1000 },
];

/** Times loss and gradient together on every backend. */
export async function benchSoftmaxCrossEntropy(
  backends: readonly Backend[],
  shapes: readonly BatchShape[],
  repeat: number,
): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  for (const shape of shapes) results.push(...(await benchShape(backends, shape, repeat)));
  return results;
}

async function benchShape(
  backends: readonly Backend[],
  shape: BatchShape,
  repeat: number,
): Promise<BenchResult[]> {
  const elements = shape.batch * shape.classes;
  // Logits in, gradient out; probabilities need not leave the core.
  const bytes = 2 * 4 * elements;
  const prepared = await Promise.all(backends.map((backend) => prepare(backend, shape)));
  // The roof is whichever takes longer: moving the bytes, or the exponentials.
  const roofs = await Promise.all(
    backends.map(async (backend) => {
      const exponentials = exponentialRoof(backend, elements);
      if (exponentials.length === 0) return [];
      return [...exponentials, await copyRoof(backend, bytes, 4 * elements)];
    }),
  );
  const outcomes = await raceUnderRoofs(prepared, roofs, repeat);
  for (const { release } of prepared) release();
  return backends.map((backend, i) => ({
    op: 'softmax-cross-entropy',
    shape: { ...shape },
    ...identify(backend),
    ...outcomes[i],
    gigabytesPerSecond: bytes / outcomes[i].ms.median / 1e6,
    verified: prepared[i].verified,
  }));
}

async function prepare(backend: Backend, { batch, classes }: BatchShape) {
  const z = persistent('z', [batch, classes]);
  const t = persistent('t', [batch], 'int32');
  const L = persistent('L', [1]);
  const dz = persistent('dz', [batch, classes]);
  const step = new Step();
  const p = step.activation('p', [batch, classes]);
  step.call('softmaxCrossEntropyForward', { L, p, z, t });
  step.call('softmaxCrossEntropyBackward', { dz, p, t });
  const { device } = backend;
  const executable = await device.compile(step);
  const logits = randomReals(z.size, 1).map((value) => 10 * value);
  const labels = Int32Array.from({ length: batch }, (_, n) => n % classes);
  device.write(z, logits);
  device.write(t, labels);
  await executable.run(1);
  const gradient = await device.read(dz);
  const [loss] = await device.read(L);
  return {
    verified: isRight(loss, gradient, logits, labels, [batch, classes]),
    ...contestantOf(executable, device),
    release: () => {
      executable.close();
      device.release([z, t, L, dz]);
    },
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
