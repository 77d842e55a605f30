import { describe, expect, inject, test } from 'vitest';
import { GRADCHECK_OPS } from '../../src/gradcheck/index.js';
import { handgrad, jsonLines } from './run.js';

const gradcheck = (...args: string[]) => handgrad(['gradcheck', ...args]);

describe('gradcheck', () => {
  test('prints a line for every op, on every CPU backend', async () => {
    const { status, stdout, stderr } = await gradcheck('--backends', 'wasm,reference');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [header, ...rows] = stdout.trimEnd().split('\n');
    expect(header).toMatch(/^op +gradients +wasm \(.*reference \(float32, 1 thread\)$/);
    expect(rows.map((row) => row.split(' ')[0])).toEqual(GRADCHECK_OPS);
    for (const row of rows) expect(row).toMatch(/ ok$/);
  });

  test('checks a GPU too, or prints why there is none', async () => {
    const { status, stdout, stderr } = await gradcheck('relu', 'matmul');
    expect(status).toBe(0);
    const [header] = stdout.split('\n');
    if (header.includes('webgpu (')) {
      expect(stdout).toMatch(/^matmul .* ok$/m);
      return;
    }
    expect(inject('webgpuIsRequired'), stderr).toBe(false);
    expect(stderr).toMatch(/^note: skipping webgpu: expected /m);
  });

  test.each([
    ['a backend', ['--backends', 'webgpu']],
    ['an adapter', ['--adapter', 'Abacus']],
  ])('fails when %s is named but missing', async (_, named) => {
    const args = ['gradcheck', 'relu', ...named];
    const { status, stderr } = await handgrad(args, { env: { VK_ICD_FILENAMES: '/none' } });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^handgrad: webgpu: expected .*, got .*$/m);
  });

  test('--json prints the results of the named ops', async () => {
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
