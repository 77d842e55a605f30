import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Dataset,
  noisyLine,
  oneAgainstRest,
  selectClasses,
  split,
  take,
  validateDataset,
} from '../../src/data/index.js';
import { DataError } from '../../src/errors.js';

/** Example n has inputs 2n and 2n + 1, so that it can be recognised wherever it ends up. */
function dataset(targets: readonly number[]): Dataset {
  return {
    name: 'd',
    size: targets.length,
    features: 2,
    inputs: Uint8Array.from({ length: 2 * targets.length }, (_, i) => i),
    targets: Int32Array.from(targets),
    classes: 10,
    normalization: { mean: 0.1, std: 0.3 },
  };
}

/** The indices of these examples in `dataset`. */
const originals = ({ inputs, size }: Dataset) =>
  Array.from({ length: size }, (_, n) => {
    expect(inputs[2 * n + 1]).toBe(inputs[2 * n] + 1);
    return inputs[2 * n] / 2;
  });

const anyTargets = fc.array(fc.nat(9), { minLength: 2, maxLength: 100 });

describe('selectClasses', () => {
  it('relabels the first of two classes 1 and the second 0', () => {
    const chosen = selectClasses(dataset([7, 3, 5, 3, 7]), [3, 7]);
    expect(chosen).toMatchObject({ size: 4, classes: 2, normalization: { mean: 0.1, std: 0.3 } });
    expect([...chosen.targets]).toEqual([0, 1, 1, 0]);
    expect(originals(chosen)).toEqual([0, 1, 3, 4]);
    expect([...selectClasses(dataset([7, 3]), [7, 3]).targets]).toEqual([1, 0]);
  });

  it('numbers three or more classes in the order listed', () => {
    expect([...selectClasses(dataset([7, 3, 5, 3]), [5, 7, 3]).targets]).toEqual([1, 2, 0, 2]);
    const one = selectClasses(dataset([7, 3, 5, 3]), [3]);
    expect([...one.targets]).toEqual([0, 0]);
    expect(one.classes).toBe(1);
  });

  it('keeps exactly the examples of those classes, in order', () => {
    const someClasses = fc.uniqueArray(fc.nat(9), { minLength: 1 });
    fc.assert(
      fc.property(anyTargets, someClasses, (targets, classes) => {
        const kept = targets.flatMap((target, n) => (classes.includes(target) ? [n] : []));
        fc.pre(kept.length > 0);
        const chosen = selectClasses(dataset(targets), classes);
        validateDataset(chosen);
        expect(originals(chosen)).toEqual(kept);
      }),
    );
  });

  it('rejects unknown classes, classes listed twice, and an empty list', () => {
    const d = dataset([1, 2, 3]);
    expect(() => selectClasses(d, [3, 12])).toThrow(
      new DataError('selectClasses: expected classes 0 … 9 of d, got 3, 12'),
    );
    expect(() => selectClasses(d, [-1])).toThrow(DataError);
    expect(() => selectClasses(d, [1.5])).toThrow(DataError);
    expect(() => selectClasses(d, [3, 3])).toThrow(
      /at least one class, each listed once, got 3, 3/,
    );
    expect(() => selectClasses(d, [])).toThrow(/got none/);
    expect(() => selectClasses(d, [8, 9])).toThrow(
      new DataError('selectClasses: expected examples of classes 8, 9 in d, got none'),
    );
    expect(() => selectClasses(noisyLine(), [1])).toThrow(/got noisy line, which is for regress/);
  });
});

describe('oneAgainstRest', () => {
  it('relabels one class 1 and all others 0, and shares the inputs', () => {
    const d = dataset([9, 1, 9, 0]);
    const nines = oneAgainstRest(d, 9);
    expect([...nines.targets]).toEqual([1, 0, 1, 0]);
    expect(nines.classes).toBe(2);
    expect(nines.inputs).toBe(d.inputs);
  });

  it('rejects an unknown class and regression datasets', () => {
    expect(() => oneAgainstRest(dataset([1]), 10)).toThrow(
      new DataError('oneAgainstRest: expected classes 0 … 9 of d, got 10'),
    );
    expect(() => oneAgainstRest(noisyLine(), 1)).toThrow(DataError);
  });
});

describe('take', () => {
  it('returns views of the first examples', () => {
    const d = dataset([4, 5, 6]);
    const two = take(d, 2);
    validateDataset(two);
    expect([...two.targets]).toEqual([4, 5]);
    expect(originals(two)).toEqual([0, 1]);
    expect(two.inputs.buffer).toBe(d.inputs.buffer);
    expect(take(d, 3).size).toBe(3);
  });

  it.each([0, 4, -1, 1.5, Number.NaN])('rejects a count of %s of three examples', (count) => {
    expect(() => take(dataset([4, 5, 6]), count)).toThrow(
      new DataError(`take: expected 1 … 3 examples of d, got ${count}`),
    );
  });
});

describe('split', () => {
  it('puts every example into exactly one part, with its own target', () => {
    const fraction = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(anyTargets, fraction, fc.nat(), (targets, share, seed) => {
        const [train, validation] = split(dataset(targets), share, seed);
        for (const part of [train, validation]) {
          validateDataset(part);
          expect([...part.targets]).toEqual(originals(part).map((n) => targets[n]));
        }
        const all = [...originals(train), ...originals(validation)].sort((a, b) => a - b);
        expect(all).toEqual(targets.map((_, n) => n));
        expect(Math.abs(validation.size - share * targets.length)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('is the same for the same seed, and differs for another', () => {
    const d = dataset(Array(50).fill(1));
    expect(split(d, 0.2, 3)).toEqual(split(d, 0.2, 3));
    expect(originals(split(d, 0.2, 3)[1])).not.toEqual(originals(split(d, 0.2, 4)[1]));
    expect(originals(split(d, 0.2)[0])).toEqual(originals(split(d, 0.2, 0)[0]));
  });

  it('keeps real targets and inputs', () => {
    const [train, validation] = split(noisyLine({ size: 10 }), 0.3);
    expect(train.targets).toBeInstanceOf(Float32Array);
    expect(validation.inputs).toBeInstanceOf(Float32Array);
    expect([train.size, validation.size]).toEqual([7, 3]);
  });

  it.each([0, 1, -0.5, 2, Number.NaN])('rejects the fraction %s', (fraction) => {
    expect(() => split(dataset([1, 2]), fraction)).toThrow(
      new DataError(`split: expected a fraction between 0 and 1, got ${fraction}`),
    );
  });

  it('rejects a single example', () => {
    expect(() => split(dataset([1]), 0.5)).toThrow(
      new DataError('split: expected at least two examples, got 1'),
    );
  });
});
