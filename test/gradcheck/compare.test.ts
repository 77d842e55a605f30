import { describe, expect, it } from 'vitest';
import { ReferenceRuntime } from '../../src/backends/reference.js';
import { kernelCaseOf } from '../../src/gradcheck/case.js';
import { compareWithReference } from '../../src/gradcheck/compare.js';
import { ratioOf } from '../../src/gradcheck/difference.js';
import { Backend } from '../../src/numerics/backend.js';
import { accuracyCase } from '../../src/ops/accuracy.js';
import { linearCase } from '../../src/ops/linear.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import type { Tensor, Values } from '../../src/tensor.js';

/** A backend that reads one element of one tensor wrongly. */
class FaultyRuntime extends ReferenceRuntime {
  constructor(
    readonly tensor: string,
    readonly index: number,
    readonly fault: (value: number) => number,
  ) {
    super('float32');
  }

  override async read(tensor: Tensor): Promise<Values> {
    const values = await super.read(tensor);
    if (tensor.name === this.tensor) values[this.index] = this.fault(values[this.index]);
    return values;
  }
}

function compareFaulty(tensor: string, index: number, fault: (value: number) => number) {
  const random = new RandomStream(1, STREAMS.data);
  const linear = kernelCaseOf(linearCase(random, { B: 5, I: 40, O: 3 }), random);
  return compareWithReference(linear, new Backend(new FaultyRuntime(tensor, index, fault)));
}

describe('compareWithReference', () => {
  it('accepts float32 rounding', async () => {
    expect(ratioOf(await compareFaulty('y', 4, (value) => value))).toBeLessThan(1);
  });

  it('names the call, the tensor and the index of a wrong value', async () => {
    const found = await compareFaulty('dW', 17, (value) => value + 0.001);
    expect(ratioOf(found)).toBeGreaterThan(1);
    expect(found).toMatchObject({ of: 'linearBackwardWeight', tensor: 'dW', index: 17 });
    expect(found.got - found.want).toBeCloseTo(0.001, 5);
  });

  it('never accepts NaN', async () => {
    const found = await compareFaulty('y', 4, () => Number.NaN);
    expect(ratioOf(found)).toBe(Infinity);
    expect(found).toMatchObject({ of: 'linearForward', tensor: 'y', index: 4 });
  });

  it('finds an input that the kernel changed', async () => {
    const found = await compareFaulty('W', 2, (value) => value * (1 + 2 ** -20));
    expect(ratioOf(found)).toBe(Infinity);
    expect(found).toMatchObject({ tensor: 'W', index: 2 });
  });

  it('accepts integers only if they are equal', async () => {
    const compareCounts = (fault: (value: number) => number) => {
      const random = new RandomStream(1, STREAMS.data);
      return compareWithReference(
        kernelCaseOf(accuracyCase(random, { B: 9, C: 3 }), random),
        new Backend(new FaultyRuntime('confusion', 5, fault)),
      );
    };
    expect(ratioOf(await compareCounts((value) => value))).toBe(0);
    expect(ratioOf(await compareCounts((value) => value + 1))).toBe(Infinity);
  });
});
