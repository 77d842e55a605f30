import { describe, expect, test } from 'vitest';
import { handgrad, jsonLines } from './run.js';

const bench = (...args: string[]) => handgrad(['bench', ...args, '--repeat', '1']);

const PASSES = ['forward', 'backward-input', 'backward-weight'];

describe('bench conv2d', () => {
  const timeConv2d = (...args: string[]) =>
    bench('conv2d', '--sizes', '2x5x6x3x4x3', '--stride', '2', '--padding', '1', ...args);

  test('--json prints the environment, and each pass with its rate and its share of the peak', async () => {
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
        coldMs: expect.any(Number),
        transfer: expect.objectContaining({ uploadBytes: expect.any(Number) }),
        gflops: expect.any(Number),
        roofFraction: expect.any(Number),
        verified: true,
      })),
    );
  });

  test('prints a table that names each pass', async () => {
    const { stdout } = await timeConv2d();
    const [, empty, header, ...rows] = stdout.trimEnd().split('\n');
    expect(empty).toBe('');
    expect(header).toMatch(/^op +shape +backend, threads +ms +p95 +rate +of peak +verified$/);
    expect(rows).toHaveLength(PASSES.length);
    for (const [i, pass] of PASSES.entries()) {
      const shape = `conv2d   2 × 5 × 6 × 3 × 4 × 3, stride 2, padding 1, ${pass} `;
      expect(rows[i].startsWith(shape), rows[i]).toBe(true);
      expect(rows[i]).toMatch(/ GFLOP\/s +\d+ % +yes$/);
    }
  });

  test('--csv prints a line for each pass', async () => {
    const { stdout } = await timeConv2d('--csv');
    const [header, ...lines] = stdout.trimEnd().split('\n');
    expect(header).toMatch(/^op,shape,backend,build,threads,min_ms,/);
    const shapes = lines.map((line) => line.split(',').slice(0, 3).join());
    expect(shapes).toEqual(PASSES.map((pass) => `conv2d,2x5x6x3x4x3x2x1x${pass},wasm`));
    for (const line of lines) expect(line.split(',')).toHaveLength(header.split(',').length);
  });
});

describe('bench crossover', () => {
  const cross = (...args: string[]) =>
    bench('crossover', '--backends', 'wasm,reference', '--recipes', 'softmax', ...args);
  const small = ['--sizes', '4,8', '--batches', '16'];

  test('--json prints the times at each size, and the size from which a backend is faster', async () => {
    const [{ crossovers, results, notes }] = jsonLines(await cross(...small, '--json'));
    expect(results).toEqual([]);
    expect(notes).toContainEqual(expect.stringContaining('Crossover: warm'));
    const candidates = [expect.stringMatching(/^wasm /), 'reference float32, 1'];
    const point = (size: number) => ({ size, ms: [expect.any(Number), expect.any(Number)] });
    const wins = (upTo: number) => [expect.objectContaining({ candidate: candidates[1], upTo })];
    expect(crossovers).toEqual([
      { op: 'matmul', size: 'n', candidates, points: [point(4), point(8)], wins: wins(8) },
      {
        op: 'train',
        recipe: 'softmax',
        size: 'batch',
        candidates,
        points: [point(16)],
        wins: wins(16),
      },
    ]);
  });

  test('prints a sentence on which backend is faster from which size', async () => {
    const { stdout } = await cross(...small);
    expect(stdout).toMatch(/^ms of a product n×n×n:$/m);
    expect(stdout).toMatch(/^reference float32, 1 (never beats|beats) wasm \w+, 1\b.*n = \d/m);
  });

  test('--csv prints a line for each backend at each size', async () => {
    const { stdout } = await cross(...small, '--csv');
    const [header, ...lines] = stdout.trimEnd().split('\n');
    expect(header).toBe('op,recipe,size,backend,median_ms');
    expect(lines).toHaveLength(6);
    expect(lines[1]).toMatch(/^matmul,,4,"reference float32, 1",\d/);
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
    {
      args: ['crossover'],
      message:
        'bench crossover: expected at least two backends, got wasm; name them with --backends wasm,webgpu',
    },
    {
      args: ['overhead', '--recipes', 'softmax'],
      message:
        'bench overhead: expected a backend that starts kernels on a GPU, got wasm; name it with --backends webgpu',
    },
    {
      args: ['matmul', '--f16'],
      message: 'bench: expected --f16 with the backend webgpu, got wasm',
    },
    {
      args: ['matmul', '--without-robustness'],
      message: 'bench: expected --without-robustness with the backend webgpu, got wasm',
    },
    { args: ['crossover', '--limit', '0'], message: 'Expected a number above 0' },
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
