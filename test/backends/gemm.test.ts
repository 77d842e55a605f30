import { describe, expect, it } from 'vitest';
import { winnerOf } from '../../src/backends/webgpu/gemm/autotune.js';
import {
  cutsOf,
  estimate,
  type Product,
  planProduct,
  TILES,
} from '../../src/backends/webgpu/gemm/gemm.js';
import { Cuts, formatCut, keyOf, parseCut } from '../../src/backends/webgpu/gemm/tilings.js';

const names = (product: Product) => cutsOf(product).map(formatCut);

/** Workgroups of the first pass. */
function groupsOf({ passes }: ReturnType<typeof planProduct>): number {
  const [x, y = 1, z = 1] = passes[0].workgroups;
  return x * y * z;
}

describe('the tiles of products on a GPU', () => {
  it('give each invocation at most one four of either operand to load', () => {
    for (const { rows, columns, blocks, depth } of TILES) {
      const fours = blocks * Math.max(rows, columns) * depth;
      expect(fours).toBeLessThanOrEqual(rows * columns);
      expect(rows * columns).toBeLessThanOrEqual(256);
    }
  });

  it('fit into the workgroup memory that every device has', () => {
    for (const { rows, columns, blocks, depth } of TILES) {
      const fours = depth * (blocks * (rows + columns) + 2);
      expect(16 * fours).toBeLessThanOrEqual(16_384);
    }
  });
});

describe('the default cut of a product on a GPU', () => {
  it('takes the largest tiles for a large square', () => {
    expect(names({ M: 4096, N: 4096, K: 4096 })[0]).toBe('128x128/1');
  });

  it('cuts long sums of small results in parts', () => {
    const [{ parts }] = cutsOf({ M: 9, N: 32, K: 128 * 676 });
    expect(parts).toBeGreaterThan(64);
  });

  it('leaves short sums whole', () => {
    for (const K of [1, 30, 127]) expect(cutsOf({ M: 64, N: 10, K })[0].parts).toBe(1);
  });

  it('is the one with the least estimate', () => {
    const product = { M: 1000, N: 100, K: 3000 };
    const estimates = cutsOf(product).map((cut) => estimate(product, cut));
    expect(estimates).toEqual(estimates.toSorted((a, b) => a - b));
  });

  it('keeps parts within 64 MiB', () => {
    for (const { parts } of cutsOf({ M: 4096, N: 1024, K: 100_000 })) {
      expect(4 * parts * 4096 * 1024).toBeLessThanOrEqual(2 ** 26);
    }
  });

  it('depends on nothing but the product, until one is measured', () => {
    const product = { M: 64, N: 30, K: 784 };
    const cuts = new Cuts(TILES);
    expect(cuts.cutOf('linear', product)).toEqual(cutsOf(product)[0]);
    const slowest = cutsOf(product)[cutsOf(product).length - 1];
    cuts.keep('linear', product, slowest);
    expect(cuts.cutOf('linear', { ...product })).toEqual(slowest);
    expect(cuts.measured('linear', { ...product, transposeA: true })).toBeUndefined();
    expect(cuts.measured('conv2d', product)).toBeUndefined();
  });
});

describe('a measured cut', () => {
  const [first, second] = cutsOf({ M: 64, N: 30, K: 784 });

  it('is the fastest', () => {
    const outcomes = [
      { cut: first, milliseconds: 2 },
      { cut: second, milliseconds: 1 },
    ];
    expect(winnerOf(outcomes)).toBe(second);
    expect(winnerOf(outcomes.toReversed())).toBe(second);
    expect(winnerOf(outcomes.slice(0, 1))).toBe(first);
  });

  it('is the estimated one where another gains less than noise might', () => {
    const outcomes = (milliseconds: number) => [
      { cut: first, milliseconds: 1 },
      { cut: second, milliseconds },
    ];
    expect(winnerOf(outcomes(0.96))).toBe(first);
    expect(winnerOf(outcomes(0.94))).toBe(second);
  });

  it('is not used where sums are too short for its parts', () => {
    const product = { M: 64, N: 10, K: 30 };
    const spoiled = new Map([[keyOf('linear', product), { tile: TILES[0], parts: 1000 }]]);
    const cuts = new Cuts(TILES, spoiled);
    expect(cuts.measured('linear', product)).toBeUndefined();
    expect(cuts.cutOf('linear', product)).toEqual(cutsOf(product)[0]);
  });
});

describe('a planned product', () => {
  const product = { M: 33, N: 64, K: 200, hasBias: true };
  const [whole, cut] = [1, 2].map((parts) => ({ tile: TILES[3], parts }));

  it('has a workgroup for each tile, and each group and phase', () => {
    expect(groupsOf(planProduct('linear', product, whole))).toBe(2 * 2);
    expect(groupsOf(planProduct('conv2d', { ...product, G: 3, phases: 4 }, whole))).toBe(48);
  });

  it('adds the bias where the sums become whole', () => {
    const entryPoints = [whole, cut].map((way) =>
      planProduct('linear', product, way).passes.map(({ entryPoint }) => entryPoint),
    );
    expect(entryPoints).toEqual([['productWithBias'], ['product', 'sumOfPartsWithBias']]);
  });

  it('has room for each part of each element', () => {
    expect(planProduct('linear', product, whole).scratch).toBe(0);
    expect(planProduct('linear', product, cut).scratch).toBe(2 * 4 * 33 * 64);
    expect(planProduct('conv2d', { ...product, G: 3, R: 100 }, cut).scratch).toBe(
      2 * 4 * 100 * 64 * 3,
    );
  });

  it('names the shader that reads operands as they may be read', () => {
    const shaderOf = (reads: Partial<Product>) =>
      planProduct('matmul', { ...product, ...reads }, whole).passes[0].shader;
    expect(shaderOf({})).toBe('matmul');
    expect(shaderOf({ readsBInFours: true })).toBe('matmul, B in fours');
    expect(shaderOf({ readsAInFours: true, readsBInFours: true })).toBe(
      'matmul, A in fours, B in fours',
    );
  });

  it('keeps every axis within what devices offer', () => {
    for (const M of [65_535 * 32 + 1, 10_000 * 28 * 28, 2 ** 27]) {
      const plan = planProduct('matmul', { M, N: 1, K: 9 }, whole);
      expect(Math.max(...plan.passes[0].workgroups.map(Number))).toBeLessThanOrEqual(65_535);
      expect(groupsOf(plan)).toBeGreaterThanOrEqual(M / 32);
    }
  });
});

describe('what is kept of a measured cut', () => {
  it('is read as it was written', () => {
    for (const cut of cutsOf({ M: 100, N: 100, K: 1000 })) {
      expect(parseCut(formatCut(cut))).toEqual(cut);
    }
  });

  it.each(['', '64x64', '64x64/0', '64x64/x', '63x64/1', 7, null])(
    'is nothing where it is spoiled: %j',
    (text) => {
      expect(parseCut(text)).toBeUndefined();
    },
  );

  it('belongs to products that take the same time', () => {
    const product = { M: 1, N: 2, K: 3 };
    const key = keyOf('linear', product);
    expect(keyOf('linear', { ...product, G: 1, R: 1, hasBias: false })).toBe(key);
    const others = [
      { M: 4, R: 1 },
      { N: 4 },
      { K: 4 },
      { G: 2 },
      { phases: 4 },
      { R: 4 },
      { hasBias: true },
      { transposeA: true },
      { transposeB: true },
      { readsAInFours: true },
      { readsBInFours: true },
    ];
    const keys = others.map((other) => keyOf('linear', { ...product, ...other }));
    expect(new Set([key, keyOf('conv2d', product), ...keys]).size).toBe(others.length + 2);
  });
});
