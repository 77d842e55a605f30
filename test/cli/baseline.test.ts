import { describe, expect, test } from 'vitest';
import { nearestMean } from '../../src/data/index.js';
import { DIGITS, useDigits } from './folders.js';
import { handgrad, jsonLines } from './run.js';

const digits = useDigits();

const baseline = (...args: string[]) => handgrad(['baseline', '--data', digits.path, ...args]);

describe('baseline', () => {
  test.each(['l1', 'l2'] as const)('--json gives the accuracy by %s', async (metric) => {
    const [result] = jsonLines(await baseline('--metric', metric, '--json'));
    const { accuracy, confusion } = nearestMean(DIGITS.train, DIGITS.test, { metric });
    expect(result).toEqual({
      metric,
      digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      data: digits.path,
      trainSize: 600,
      testSize: 200,
      accuracy,
      classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
      confusion: expect.any(Array),
      seconds: expect.any(Number),
    });
    expect((result.confusion as number[][]).flat()).toEqual(Array.from(confusion));
  });

  test('--digits selects digits', async () => {
    const [result] = jsonLines(await baseline('--digits', '3,7', '--json'));
    expect(result).toMatchObject({ digits: [3, 7], classes: ['7', '3'] });
    const isOneOfThem = (target: number) => target === 3 || target === 7;
    expect(result.testSize).toBe(DIGITS.test.targets.filter(isOneOfThem).length);
    expect(result.accuracy).toBeGreaterThan(0.8);
  });

  test('prints the accuracy and a confusion matrix', async () => {
    const { stdout } = await baseline('--digits', '3,7');
    expect(stdout).toMatch(/^accuracy +\d+\.\d\d % on \d+ test images \(/);
    expect(stdout).toMatch(/^true +7 +3 +correct$/m);
  });
});
