import { describe, expect, it } from 'vitest';
import { planProduct } from '../../src/backends/webgpu/products.js';

/** Workgroups of the first pass. */
function groupsOf({ passes }: ReturnType<typeof planProduct>): number {
  const [x, y = 1, z = 1] = passes[0].workgroups;
  return x * y * z;
}

describe('products on a GPU', () => {
  it('computes large results in tiles of 64 × 64', () => {
    const plan = planProduct({ M: 4096, N: 1000, K: 512 });
    expect(plan.passes.map(({ entryPoint }) => entryPoint)).toEqual(['product']);
    expect(plan.passes[0].constants?.SIDE).toBe(16);
    expect(groupsOf(plan)).toBe(64 * 16);
  });

  it('computes small results in tiles of 32 × 32', () => {
    const plan = planProduct({ M: 33, N: 64, K: 20, hasBias: true });
    expect(plan.passes.map(({ entryPoint }) => entryPoint)).toEqual(['productWithBias']);
    expect(plan.passes[0].constants?.SIDE).toBe(8);
    expect(groupsOf(plan)).toBe(2 * 2);
  });

  it('cuts long sums of small results in parts, and adds the bias to their sum', () => {
    const plan = planProduct({ M: 9, N: 32, K: 128 * 676, hasBias: true });
    expect(plan.passes.map(({ entryPoint }) => entryPoint)).toEqual([
      'product',
      'sumOfPartsWithBias',
    ]);
    expect(groupsOf(plan)).toBe(256);
    expect(plan.scratch).toBe(4 * 256 * 9 * 32);
  });

  it('keeps every axis within what devices offer', () => {
    for (const M of [65_535 * 32 + 1, 10_000 * 28 * 28, 2 ** 27]) {
      const plan = planProduct({ M, N: 1, K: 9 });
      expect(Math.max(...plan.passes[0].workgroups.map(Number))).toBeLessThanOrEqual(65_535);
      expect(groupsOf(plan)).toBeGreaterThanOrEqual(M / 32);
    }
  });
});
