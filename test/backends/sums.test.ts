import { describe, expect, it } from 'vitest';
import type { Plan } from '../../src/backends/webgpu/passes.js';
import {
  planAveragePool,
  planChannelSums,
  planColumnSums,
  planSoftmax,
  planSoftmaxLoss,
  planSum,
} from '../../src/backends/webgpu/sums.js';

/** Workgroups of each pass. */
function groupsOf({ passes }: Plan): number[] {
  return passes.map(({ workgroups: [x, y = 1, z = 1] }) => x * y * z);
}

function channelSums(N: number, C: number): Plan {
  return planChannelSums('batchNormStatistics', 'statisticsOfParts', { N, C });
}

describe('sums on a GPU', () => {
  it('stay with one workgroup where they are short', () => {
    for (const plan of [planSum('squaredErrorForward', 8192), planColumnSums({ B: 512, O: 16 })]) {
      expect(groupsOf(plan)).toEqual([1]);
      expect(plan.scratch).toBe(0);
    }
  });

  it('take several workgroups, and one more to add up their parts, where they are longer', () => {
    const plan = planSum('squaredErrorForward', 8193);
    expect(plan.passes.map(({ entryPoint }) => entryPoint)).toEqual([
      'squaredErrorForward',
      'sumOfParts',
    ]);
    expect(groupsOf(plan)).toEqual([4, 1]);
    expect(plan.scratch).toBe(4 * 4);
  });

  it('take at most as many workgroups as run at a time', () => {
    expect(groupsOf(planSum('sumOfSquares', 9_000_000))).toEqual([1024, 1]);
    expect(groupsOf(planColumnSums({ B: 10_000_000, O: 64 }))).toEqual([1024, 4]);
    expect(groupsOf(channelSums(10_000_000, 64))).toEqual([1024, 8]);
  });

  it('keep many columns in one part', () => {
    expect(groupsOf(planColumnSums({ B: 10_000, O: 40_000 }))).toEqual([2500]);
  });
});

describe('softmax on a GPU', () => {
  /** How a workgroup is divided, and how many there are. */
  function layout(B: number, C: number) {
    const plan = planSoftmaxLoss({ B, C });
    const { COLUMNS, ROWS } = plan.passes[0].constants as Record<string, number>;
    return { COLUMNS, ROWS, groups: groupsOf(plan) };
  }

  it('finds the loss of a small batch in one pass of one workgroup', () => {
    expect(layout(64, 10)).toEqual({ COLUMNS: 4, ROWS: 64, groups: [1] });
    expect(layout(256, 10)).toEqual({ COLUMNS: 1, ROWS: 256, groups: [1] });
    expect(layout(32, 100)).toEqual({ COLUMNS: 8, ROWS: 32, groups: [1] });
  });

  it('gives wide rows more invocations', () => {
    expect(layout(4096, 10)).toEqual({ COLUMNS: 4, ROWS: 64, groups: [64, 1] });
    expect(layout(4096, 100)).toEqual({ COLUMNS: 32, ROWS: 8, groups: [512, 1] });
    expect(layout(4096, 1000)).toEqual({ COLUMNS: 256, ROWS: 1, groups: [4096, 1] });
    expect(layout(1, 50_000)).toEqual({ COLUMNS: 256, ROWS: 1, groups: [1] });
  });

  it('keeps every axis within what devices offer', () => {
    for (const { workgroups } of planSoftmax({ B: 200_000, C: 1000 }).passes) {
      const [x, y = 1] = workgroups;
      expect(Math.max(x, y)).toBeLessThanOrEqual(65_535);
      expect(x * y).toBeGreaterThanOrEqual(200_000);
    }
  });
});

describe('sums by channel on a GPU', () => {
  it('take one pass over few rows', () => {
    expect(groupsOf(channelSums(1024, 64))).toEqual([8]);
  });

  it('take parts of many rows, and room for two numbers of each channel in each', () => {
    const plan = channelSums(50_000, 64);
    expect(plan.passes.map(({ entryPoint }) => entryPoint)).toEqual([
      'batchNormStatistics',
      'statisticsOfParts',
    ]);
    expect(groupsOf(plan)).toEqual([2 * 512, 8]);
    expect(plan.scratch).toBe(4 * 512 * 2 * 64);
  });

  it('share the pixels of large images only', () => {
    expect(planAveragePool({ B: 8, P: 16, C: 512 }).passes[0].constants?.ROWS).toBe(1);
    expect(planAveragePool({ B: 8, P: 49, C: 512 }).passes[0].constants?.ROWS).toBe(16);
  });
});
