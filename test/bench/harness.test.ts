import { expect, it } from 'vitest';
import { fittingSample } from '../../src/bench/harness.js';

it.each([
  [1, 20],
  [40, 1],
  // A GPU's rounded clock may read zero.
  [0, 200],
])('a workload of %d ms runs %d times in a sample', (milliseconds, times) => {
  expect(fittingSample(milliseconds)).toBe(times);
});
