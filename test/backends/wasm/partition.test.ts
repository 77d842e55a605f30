import { describe, expect, it } from 'vitest';
import { kernelCallOf } from '../../../src/backends/wasm/kernel-call.js';
import { partitionCalls } from '../../../src/backends/wasm/partition.js';
import { OPS } from '../../../src/ops/registry.js';
import { Step } from '../../../src/step.js';
import { persistent, type Tensor } from '../../../src/tensor.js';

const SHAPE = [64, 64];
const tensors = new Map<string, Tensor>();

/** A tensor by its name, at an address of its own. */
function named(name: string): Tensor {
  const tensor = tensors.get(name) ?? persistent(name, SHAPE);
  tensors.set(name, tensor);
  return tensor;
}

const addressOf = (tensor: Tensor) => 2 ** 20 * [...tensors.values()].indexOf(tensor);

/**
 * Which of some calls have a barrier before them.
 *
 * @param calls `to = from`, as ReLU; or `loss`, a softmax cross-entropy of its own tensors
 */
function barriers(calls: readonly string[], threads = 2): boolean[] {
  const step = new Step();
  for (const [i, call] of calls.entries()) {
    const [to, from] = call.split(' = ');
    if (from) {
      step.call(OPS.reluForward, { x: named(from) }, { into: { y: named(to) } });
    } else {
      const t = persistent('t', [64], 'int32');
      const into = { L: persistent('L', [1]), p: named(`p${i}`) };
      for (const tensor of [t, into.L]) tensors.set(`${tensor.name}${i}`, tensor);
      step.call(OPS.softmaxCrossEntropyForward, { z: named(`z${i}`), t }, { into });
    }
  }
  const partition = partitionCalls(
    step.calls.map(kernelCallOf),
    { threads, worthPartitioning: 0 },
    addressOf,
  );
  return partition.map(({ afterBarrier }) => afterBarrier);
}

describe('a barrier comes before a call that all threads share', () => {
  it.each([
    ['that reads what an earlier one writes', ['b = a', 'c = b'], true],
    ['that writes what an earlier one reads', ['b = a', 'a = c'], true],
    ['that writes what an earlier one writes', ['b = a', 'b = c'], true],
    ['that uses the same shared scratch memory', ['loss', 'loss'], true],
    ['that follows one which uses shared scratch memory', ['loss', 'b = a'], true],
  ])('%s', (_, calls, expected) => {
    expect(barriers(calls)).toEqual([true, expected]);
  });

  it('unless the two touch different tensors, or only read the same', () => {
    expect(barriers(['b = a', 'd = c', 'e = a'])).toEqual([true, false, false]);
  });

  it('unless there has been one since', () => {
    expect(barriers(['b = a', 'c = b', 'd = a'])).toEqual([true, true, false]);
  });

  it('unless there is one thread', () => {
    expect(barriers(['b = a', 'c = b'], 1)).toEqual([false, false]);
  });
});
