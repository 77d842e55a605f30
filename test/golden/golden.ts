import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';

/** Reads a file that make_goldens.py wrote. */
export async function readGoldens<Golden>(name: string): Promise<Golden[]> {
  return JSON.parse(await readFile(new URL(`./data/${name}`, import.meta.url), 'utf8'));
}

/**
 * Equal element by element, up to an error relative to the largest element: where sums cancel, the
 * size of an element says nothing about its rounding error.
 */
export function expectClose(
  what: string,
  got: ArrayLike<number>,
  want: readonly number[],
  relative: number,
): void {
  expect(got.length, what).toBe(want.length);
  const bound = relative * want.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  want.forEach((value, i) => {
    const message = `${what}[${i}] is ${got[i]}, expected ${value} ± ${bound}`;
    expect(Math.abs(got[i] - value), message).toBeLessThanOrEqual(bound);
  });
}
