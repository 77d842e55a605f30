import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  expectBytes,
  expectFinite,
  expectInteger,
  expectLabels,
  expectLength,
  expectNumber,
} from '../src/checks.js';
import { DataError, ShapeError, shown } from '../src/errors.js';

describe('expectInteger', () => {
  it('accepts integers of at least the minimum', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat(), (minimum, more) => {
        fc.pre(Number.isSafeInteger(minimum + more));
        expectInteger('op', 'n', minimum + more, minimum);
      }),
    );
  });

  it('rejects fractions, numbers below the minimum, and other types', () => {
    for (const value of [0, -1, 1.5, NaN, Infinity, 2 ** 53, '2', undefined, null, [3]]) {
      expect(() => expectInteger('op', 'n', value)).toThrow(
        new ShapeError(`op: expected n to be an integer of at least 1, got ${shown(value)}`),
      );
    }
    expect(() => expectInteger('op', 'n', 4, 5)).toThrow(/of at least 5, got 4/);
  });
});

describe('expectBytes', () => {
  it('accepts unsigned bytes and raw memory only', () => {
    const memory = [new ArrayBuffer(2), new SharedArrayBuffer(2), new DataView(new ArrayBuffer(2))];
    const arrays = [new Uint8Array(2), new Uint8ClampedArray(2), Buffer.alloc(2)];
    for (const bytes of [...arrays, ...memory]) {
      expectBytes('op', 'bytes', bytes);
    }
    const others = [Int8Array.of(-1), new Uint16Array(2), [1], ''];
    for (const value of others) {
      expect(() => expectBytes('op', 'bytes', value)).toThrow(
        new TypeError(`op: expected bytes to be a Uint8Array, got ${shown(value)}`),
      );
    }
  });
});

describe('expectNumber', () => {
  it('accepts both ends of its range', () => {
    expectNumber('op', 'x', 0, 0, 1);
    expectNumber('op', 'x', 1, 0, 1);
    expectNumber('op', 'x', -1e300);
  });

  it('names the range of a number that is out of range', () => {
    expect(() => expectNumber('op', 'x', 2, 0, 1)).toThrow(
      new RangeError('op: expected x to be a finite number from 0 to 1, got 2'),
    );
    expect(() => expectNumber('op', 'x', -1, 0)).toThrow(
      new RangeError('op: expected x to be a finite number of at least 0, got -1'),
    );
    expect(() => expectNumber('op', 'x', NaN)).toThrow(
      new RangeError('op: expected x to be a finite number, got NaN'),
    );
  });

  it('rejects infinity, NaN and other types', () => {
    for (const value of [Infinity, -Infinity, '1', undefined, null]) {
      expect(() => expectNumber('op', 'x', value)).toThrow(RangeError);
    }
  });
});

describe('expectLength', () => {
  it('accepts any array of that length', () => {
    expectLength('op', 'x', [1, 2, 3], 3, 'n');
    expectLength('op', 'x', new Float32Array(3), 3, 'n');
  });

  it('names the expected and the actual length, also for a missing array', () => {
    expect(() => expectLength('op', 'x', [1, 2], 6, 'm·k')).toThrow(
      new ShapeError('op: expected x to have m·k = 6 elements, got 2'),
    );
    const missing = undefined as unknown as number[];
    expect(() => expectLength('op', 'x', missing, 6, 'm·k')).toThrow(
      new TypeError('op: expected x to be an array of numbers, got undefined'),
    );
  });
});

describe('expectFinite', () => {
  it('names the first value that is not finite', () => {
    expectFinite('op', 'x', [0, -1, 3.4028235677973362e38, 5e-324]);
    expect(() => expectFinite('op', 'x', [1, NaN, Infinity])).toThrow(
      new DataError('op: expected finite numbers in x, got NaN at 1'),
    );
    expect(() => expectFinite('op', 'x', Float32Array.of(-Infinity))).toThrow(
      new DataError('op: expected finite numbers in x, got -Infinity at 0'),
    );
    expect(() => expectFinite('op', 'x', [-Number.MAX_VALUE])).toThrow(
      new DataError(
        'op: expected finite numbers in x, got -1.7976931348623157e+308 at 0, which float32 rounds to infinity',
      ),
    );
  });
});

describe('expectLabels', () => {
  it('accepts integers below the number of classes', () => {
    expectLabels('op', [0, 1, 2], 3);
    expectLabels('op', Uint8Array.of(2, 2), 3);
  });

  it('names the first label that is out of range or not an integer', () => {
    for (const label of [3, -1, 0.5, NaN]) {
      expect(() => expectLabels('op', [0, label], 3)).toThrow(
        new DataError(`op: expected labels from 0 to 2, got ${label} at 1`),
      );
    }
  });
});
