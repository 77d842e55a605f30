import { expect, it } from 'vitest';
import { fittingSample } from '../../bench/harness.js';

it.each([
  [1, 20],
  [40, 1],
  // What the rounded clock of a GPU may say.
  [0, 200],
])('work of %d ms is done %d times in a sample', (milliseconds, times) => {
  expect(fittingSample(milliseconds)).toBe(times);
});
