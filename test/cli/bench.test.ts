import { describe, expect, test } from 'vitest';
import { handgrad, jsonLines } from './run.js';

const bench = (...args: string[]) => handgrad(['bench', ...args, '--repeat', '1']);

const PASSES = ['forward', 'backward-input', 'backward-weight'];

describe('bench conv2d', () => {
  const timeConv2d = (...args: string[]) =>
    bench('conv2d', '--sizes', '2x5x6x3x4x3', '--stride', '2', '--padding', '1', ...args);

  test('--json gives the environment, and each pass with its rate and its share of the roof', async () => {
    const outcome = await timeConv2d('--json');
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    const [{ environment, results }, ...others] = jsonLines(outcome);
    expect(others).toEqual([]);
    expect(environment).toMatchObject({ cpu: expect.any(String), node: process.versions.node });
    const sizes = { batch: 2, height: 5, width: 6, inputs: 3, outputs: 4, kernel: 3 };
    expect(results).toEqual(
      PASSES.map((pass) => ({
        op: 'conv2d',
        shape: { ...sizes, stride: 2, padding: 1, pass },
        backend: 'wasm',
        build: expect.any(String),
        threads: 1,
        ms: { min: expect.any(Number), median: expect.any(Number), p95: expect.any(Number) },
        gflops: expect.any(Number),
        roofFraction: expect.any(Number),
        verified: true,
      })),
    );
  });

  test('prints a table, in which each pass is named', async () => {
    const { stdout } = await timeConv2d();
    const [, empty, header, ...rows] = stdout.trimEnd().split('\n');
    expect(empty).toBe('');
    expect(header).toMatch(/^op +shape +backend, threads +ms +p95 +rate +of roof +verified$/);
    expect(rows).toHaveLength(PASSES.length);
    for (const [i, pass] of PASSES.entries()) {
      const shape = `conv2d   2 × 5 × 6 × 3 × 4 × 3, stride 2, padding 1, ${pass} `;
      expect(rows[i].startsWith(shape), rows[i]).toBe(true);
      expect(rows[i]).toMatch(/ GFLOP\/s +\d+ % +yes$/);
    }
  });

  test('--csv gives a line for each pass', async () => {
    const { stdout } = await timeConv2d('--csv');
    const [header, ...lines] = stdout.trimEnd().split('\n');
    expect(header).toMatch(/^op,shape,backend,build,threads,min_ms,/);
    const shapes = lines.map((line) => line.split(',').slice(0, 3).join());
    expect(shapes).toEqual(PASSES.map((pass) => `conv2d,2x5x6x3x4x3x2x1x${pass},wasm`));
    for (const line of lines) expect(line.split(',')).toHaveLength(header.split(',').length);
  });
});

describe('bench', () => {
  test.each([
    { args: ['conv3d'], message: 'Allowed choices are matmul, softmax-cross-entropy, conv2d' },
    {
      args: ['conv2d', '--sizes', '2x5x6'],
      message:
        'bench conv2d: expected sizes such as 32x13x13x32x64x3, got 2x5x6; name the subject they are for',
    },
    {
      args: ['matmul', '--sizes', '4x4x4,2x5x6x3x4x3'],
      message: 'bench matmul: expected sizes such as 64x784x30, got 2x5x6x3x4x3',
    },
    {
      args: ['conv2d', '--sizes', '1x9x9x1x1x3,1x2x2x1x1x3'],
      message:
        'bench conv2d: expected a kernel that fits into the padded image, 2×2, got one that spans 3×3',
    },
    { args: ['conv2d', '--sizes', '2x5x6x3x4x'], message: 'Expected an integer of at least 1' },
    { args: ['conv2d', '--stride', '0'], message: 'Expected an integer of at least 1' },
    { args: ['conv2d', '--padding', '-1'], message: 'Expected an integer of at least 0' },
  ])('$args is wrong usage', async ({ args, message }) => {
    const { status, stdout, stderr } = await bench(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^handgrad: [^\n]*\n$/);
    expect(stderr).toContain(message);
  });
});
