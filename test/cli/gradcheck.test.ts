import { describe, expect, test } from 'vitest';
import { GRADCHECK_OPS } from '../../src/gradcheck/index.js';
import { handgrad, jsonLines } from './run.js';

const gradcheck = (...args: string[]) => handgrad(['gradcheck', ...args]);

describe('gradcheck', () => {
  test('checks every op, a line each, on every backend', async () => {
    const { status, stdout, stderr } = await gradcheck();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [header, ...rows] = stdout.trimEnd().split('\n');
    expect(header).toMatch(/^op +gradients +wasm \(.*reference \(float32, 1 thread\)$/);
    expect(rows.map((row) => row.split(' ')[0])).toEqual(GRADCHECK_OPS);
    for (const row of rows) expect(row).toMatch(/ ok$/);
  });

  test('--json gives the findings for the ops that were named', async () => {
    const [report] = jsonLines(await gradcheck('linear', 'sgd', '--seed', '3', '--json'));
    expect(report).toMatchObject({ seed: 3, ok: true });
    const [linear, sgd] = report.results as Record<string, unknown>[];
    expect(linear).toMatchObject({
      op: 'linear',
      ok: true,
      gradients: { ok: true, ratio: expect.any(Number), worst: { tensor: expect.any(String) } },
    });
    const backends = linear.backends as { backend: { backend: string }; ok: boolean }[];
    expect(backends.map(({ backend }) => backend.backend)).toContain('wasm');
    expect(backends.map(({ backend }) => backend.backend)).toContain('reference');
    expect(sgd).not.toHaveProperty('gradients');
  });
});
