import { describe, expect, it } from 'vitest';
import { winnerOf } from '../../../src/backends/webgpu/gemm/autotune.js';
import {
  estimateCycles,
  type Gemm,
  planGemm,
  TILES,
  tilingsOf,
} from '../../../src/backends/webgpu/gemm/gemm.js';
import {
  formatTiling,
  keyOf,
  parseTiling,
  Tilings,
} from '../../../src/backends/webgpu/gemm/tilings.js';

const names = (gemm: Gemm) => tilingsOf(gemm).map(formatTiling);

/** Workgroups of the first pass. */
function groupsOf({ passes }: ReturnType<typeof planGemm>): number {
  const [x, y = 1, z = 1] = passes[0].workgroups;
  return x * y * z;
}

describe('the tiles of GEMMs on a GPU', () => {
  it('give each invocation at most one vec4 of either operand to load per step', () => {
    for (const { rows, columns, blocks, depth } of TILES) {
      const vectors = blocks * Math.max(rows, columns) * depth;
      expect(vectors).toBeLessThanOrEqual(rows * columns);
      expect(rows * columns).toBeLessThanOrEqual(256);
    }
  });

  it('fit in the workgroup memory of every device', () => {
    for (const { rows, columns, blocks, depth } of TILES) {
      const vectors = depth * (blocks * (rows + columns) + 2);
      expect(16 * vectors).toBeLessThanOrEqual(16_384);
    }
  });
});

describe('the default tiling of a GEMM on a GPU', () => {
  it('has the largest tiles for large square matrices', () => {
    expect(names({ M: 4096, N: 4096, K: 4096 })[0]).toBe('128x128/1');
  });

  it('uses split-K for small results with long sums', () => {
    const [{ splits }] = tilingsOf({ M: 9, N: 32, K: 128 * 676 });
    expect(splits).toBeGreaterThan(64);
  });

  it('does not split short sums', () => {
    for (const K of [1, 30, 127]) expect(tilingsOf({ M: 64, N: 10, K })[0].splits).toBe(1);
  });

  it('has the lowest estimated cost', () => {
    const gemm = { M: 1000, N: 100, K: 3000 };
    const estimates = tilingsOf(gemm).map((tiling) => estimateCycles(gemm, tiling));
    expect(estimates).toEqual(estimates.toSorted((a, b) => a - b));
  });

  it('keeps partial sums within 64 MiB', () => {
    for (const { splits } of tilingsOf({ M: 4096, N: 1024, K: 100_000 })) {
      expect(4 * splits * 4096 * 1024).toBeLessThanOrEqual(2 ** 26);
    }
  });

  it('depends only on the GEMM, until one is measured', () => {
    const gemm = { M: 64, N: 30, K: 784 };
    const tilings = new Tilings(TILES);
    expect(tilings.tilingOf('linear', gemm)).toEqual(tilingsOf(gemm)[0]);
    const slowest = tilingsOf(gemm)[tilingsOf(gemm).length - 1];
    tilings.keep('linear', gemm, slowest);
    expect(tilings.tilingOf('linear', { ...gemm })).toEqual(slowest);
    expect(tilings.measured('linear', { ...gemm, transposeA: true })).toBeUndefined();
    expect(tilings.measured('conv2d', gemm)).toBeUndefined();
  });
});

describe('a measured tiling', () => {
  const [first, second] = tilingsOf({ M: 64, N: 30, K: 784 });

  it('is the fastest', () => {
    const outcomes = [
      { tiling: first, milliseconds: 2 },
      { tiling: second, milliseconds: 1 },
    ];
    expect(winnerOf(outcomes)).toBe(second);
    expect(winnerOf(outcomes.toReversed())).toBe(second);
    expect(winnerOf(outcomes.slice(0, 1))).toBe(first);
  });

  it('is the estimated one where another gains less than the noise', () => {
    const outcomes = (milliseconds: number) => [
      { tiling: first, milliseconds: 1 },
      { tiling: second, milliseconds },
    ];
    expect(winnerOf(outcomes(0.96))).toBe(first);
    expect(winnerOf(outcomes(0.94))).toBe(second);
  });

  it('is ignored where K is too short for its splits', () => {
    const gemm = { M: 64, N: 10, K: 30 };
    const spoiled = new Map([[keyOf('linear', gemm), { tile: TILES[0], splits: 1000 }]]);
    const tilings = new Tilings(TILES, spoiled);
    expect(tilings.measured('linear', gemm)).toBeUndefined();
    expect(tilings.tilingOf('linear', gemm)).toEqual(tilingsOf(gemm)[0]);
  });
});

describe('a planned GEMM', () => {
  const gemm = { M: 33, N: 64, K: 200, hasBias: true };
  const [unsplit, split] = [1, 2].map((splits) => ({ tile: TILES[3], splits }));

  it('has a workgroup for each tile, group and phase', () => {
    expect(groupsOf(planGemm(gemm, unsplit))).toBe(2 * 2);
    expect(groupsOf(planGemm({ ...gemm, G: 3, phases: 4 }, unsplit))).toBe(48);
  });

  it('adds the bias in the pass that computes the final sums', () => {
    const entryPoints = [unsplit, split].map((tiling) =>
      planGemm(gemm, tiling).passes.map(({ entryPoint }) => entryPoint),
    );
    expect(entryPoints).toEqual([['gemmWithBias'], ['gemm', 'sumSplitsWithBias']]);
  });

  it('has scratch memory for each partial sum of each element', () => {
    expect(planGemm(gemm, unsplit).scratchBytes).toBe(0);
    expect(planGemm(gemm, split).scratchBytes).toBe(2 * 4 * 33 * 64);
    expect(planGemm({ ...gemm, G: 3, R: 100 }, split).scratchBytes).toBe(2 * 4 * 100 * 64 * 3);
  });

  it('loads operands as vec4 where they are contiguous', () => {
    const variantsOf = (reads: Partial<Gemm>) =>
      planGemm({ ...gemm, ...reads }, split).passes.map(({ variants }) => variants);
    expect(variantsOf({})).toEqual([[], []]);
    const loads = ['read-a-vec4', 'read-b-vec4'];
    expect(variantsOf({ vec4B: true })).toEqual([[loads[1]], [loads[1]]]);
    expect(variantsOf({ vec4A: true, vec4B: true })).toEqual([loads, loads]);
  });

  it('keeps every axis within the limit of devices', () => {
    for (const M of [65_535 * 32 + 1, 10_000 * 28 * 28, 2 ** 27]) {
      const plan = planGemm({ M, N: 1, K: 9 }, unsplit);
      expect(Math.max(...plan.passes[0].workgroups.map(Number))).toBeLessThanOrEqual(65_535);
      expect(groupsOf(plan)).toBeGreaterThanOrEqual(M / 32);
    }
  });
});

describe('the text of a tiling', () => {
  it('is parsed to the same tiling', () => {
    for (const tiling of tilingsOf({ M: 100, N: 100, K: 1000 })) {
      expect(parseTiling(formatTiling(tiling))).toEqual(tiling);
    }
  });

  it.each(['', '64x64', '64x64/0', '64x64/x', '63x64/1', 7, null])(
    'is rejected when it is invalid: %j',
    (text) => {
      expect(parseTiling(text)).toBeUndefined();
    },
  );

  it('is shared by GEMMs that take the same time', () => {
    const gemm = { M: 1, N: 2, K: 3 };
    const key = keyOf('linear', gemm);
    expect(keyOf('linear', { ...gemm, G: 1, R: 1, hasBias: false })).toBe(key);
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
      { vec4A: true },
      { vec4B: true },
    ];
    const keys = others.map((other) => keyOf('linear', { ...gemm, ...other }));
    expect(new Set([key, keyOf('conv2d', gemm), ...keys]).size).toBe(others.length + 2);
  });
});
