/* The GPU suite, without its measurements. */
import { describe, expect, it } from 'vitest';
// @ts-expect-error The suites are JavaScript without type declarations.
import { largestError, productFigures } from '../../bench/harness/square-product.mjs';
// @ts-expect-error
import { describeResult, isFailure } from '../../bench/suites/gpu/results.mjs';
// @ts-expect-error
import { formatReport } from '../../bench/suites/gpu/table.mjs';
// @ts-expect-error
import { judge } from '../../bench/suites/gpu/targets.mjs';
// @ts-expect-error
import { VARIANTS } from '../../bench/suites/gpu/variants.mjs';
// @ts-expect-error
import { jobsOf, modelFor, PARTS, scaleOf } from '../../bench/suites/gpu/workloads.mjs';
// @ts-expect-error
import { readOptions } from '../../bench/suites/gpu.mjs';

const PLAIN = { title: 'handgrad', options: {} };
const F16 = { title: 'handgrad, f16', options: { precision: 'f16' } };
const ON_GPU = { quick: false, isMnist: true, hasCuda: true, parts: PARTS };

const product = (candidate: string, gflops: number, rest: object = {}) => ({
  part: 'matmul',
  candidate,
  verified: true,
  products: [{ n: 4096, ms: { median: 1 }, gflops, largestError: 1e-7 }],
  ...rest,
});
const epoch = (part: string, candidate: string, seconds: number, rest: object = {}) => ({
  part,
  candidate,
  verified: true,
  seconds,
  accuracy: 0.99,
  ...rest,
});

describe('the targets on a GPU', () => {
  const metOf = (results: object[], run: object = ON_GPU) =>
    judge(results, run)
      .filter(({ got }: { got: string }) => got !== 'not measured')
      .map(({ met }: { met: boolean | null }) => met);

  it.each([
    [600, true],
    [599, false],
  ])('judge a product at %d GFLOP/s against 1000 of PyTorch', (gflops, met) => {
    expect(metOf([product('handgrad', gflops), product('PyTorch', 1000)])).toEqual([met]);
  });

  it.each([
    [300, true],
    [299, false],
  ])('judge a product at %d GFLOP/s against 100 of TensorFlow.js', (gflops, met) => {
    const peer = product('TensorFlow.js WebGPU', 100);
    expect(metOf([product('handgrad', gflops), peer])).toEqual([met]);
  });

  it('ignore wrong results and failed candidates', () => {
    const wrong = product('handgrad', 500, { verified: false });
    const failed = { part: 'matmul', candidate: 'PyTorch', error: 'no' };
    expect(metOf([wrong, product('PyTorch', 1000)])).toEqual([]);
    expect(metOf([product('handgrad', 500), failed])).toEqual([]);
  });

  it('judge seconds and accuracy of an epoch, and its time relative to PyTorch', () => {
    const slow = epoch('conv-fast', 'handgrad', 0.31, { accuracy: 0.9889 });
    expect(metOf([slow])).toEqual([false, false]);
    expect(metOf([epoch('conv-fast', 'handgrad', 0.3)])).toEqual([true, true]);
    const pair = (part: string, own: number) => [
      epoch(part, 'handgrad', own),
      epoch(part, 'PyTorch', 1),
    ];
    expect(metOf(pair('conv-fast', 1)).at(-1)).toBe(true);
    expect(metOf(pair('conv-fast', 1.01)).at(-1)).toBe(false);
    expect(metOf(pair('mlp', 0.5))).toEqual([true]);
    expect(metOf(pair('mlp', 0.51))).toEqual([false]);
    expect(metOf(pair('resnet18', 1))).toEqual([true]);
    expect(metOf(pair('resnet18', 1.01))).toEqual([false]);
  });

  it('judge a figure of 0, but not NaN', () => {
    const overhead = (microsecondsPerKernel: number) => ({
      part: 'overhead',
      candidate: 'handgrad',
      microsecondsPerKernel,
    });
    expect(metOf([overhead(0)])).toEqual([true]);
    expect(metOf([overhead(4.01)])).toEqual([false]);
    expect(metOf([overhead(Number.NaN)])).toEqual([]);
    expect(metOf([epoch('conv-fast', 'handgrad', 0.3, { accuracy: 0 })])).toEqual([true, false]);
  });

  it('do not judge tiny sizes, or a comparison with PyTorch on the CPU', () => {
    const results = [product('handgrad', 600), product('PyTorch', 1000)];
    expect(metOf(results, { ...ON_GPU, quick: true })).toEqual([null]);
    expect(metOf(results, { ...ON_GPU, hasCuda: false })).toEqual([null]);
  });

  it('appear in the report as met, missed or not measured', () => {
    const results = [product('handgrad', 1), product('PyTorch', 1000)];
    const environment = {
      adapter: 'Some GPU',
      cpu: 'Some CPU',
      cores: 2,
      node: '24.0.0',
      date: '2026-01-31',
      handgrad: { version: '0.1.0', commit: 'abc1234' },
      pytorch: { error: "No module named 'torch'" },
    };
    const targets = judge(results, { ...ON_GPU, parts: ['matmul', 'mlp'] });
    const failed = { part: 'mlp', candidate: 'PyTorch', error: 'a|b\nc' };
    const report = { environment, quick: true, targets, results: [...results, failed] };
    const text = formatReport(report);
    expect(text).toContain('Some GPU; Some CPU, 2 cores; Node 24.0.0');
    expect(text).toContain('handgrad 0.1.0 (abc1234), no TensorFlow.js');
    expect(text).toContain('| at least 0.6× | 0.001× | **missed** |');
    expect(text).toContain('| at most 0.5× | not measured | – |');
    expect(text).toContain('| mlp | PyTorch | a\\|b c |');
    expect(text).toContain('the figures mean nothing');
  });
});

describe('the jobs on a GPU', () => {
  it('cover the chosen parts, with PyTorch’s TF32 only with CUDA', () => {
    const titles = (hasCuda: boolean) =>
      jobsOf(['mlp', 'crossover'], scaleOf(false), [PLAIN, F16], hasCuda).map(
        ({ part, candidate }: Record<string, string>) => `${part}: ${candidate}`,
      );
    const own = ['mlp: handgrad', 'mlp: PyTorch'];
    expect(titles(false)).toEqual([...own, 'crossover: handgrad']);
    expect(titles(true)).toEqual([...own, 'mlp: PyTorch, TF32', 'crossover: handgrad']);
  });

  it('have time limits, which end a run if every subprocess hangs', () => {
    for (const { limitSeconds } of jobsOf(PARTS, scaleOf(false), [PLAIN, F16], true)) {
      expect(limitSeconds).toBeGreaterThan(0);
      expect(limitSeconds).toBeLessThanOrEqual(150);
    }
  });

  it.each([
    ['conv-fast', 256, 235],
    ['mlp', 64, 938],
    ['resnet18', 256, 235],
  ])('train %s on all of MNIST in batches of %d', (part, batch, steps) => {
    expect(modelFor(part, scaleOf(false))).toMatchObject({ batch, steps, trainSize: 60_000 });
  });

  it('begin with the default options', () => {
    expect(VARIANTS[0]).toEqual(PLAIN);
  });

  it.each([
    [
      ['--only', 'matmul, mlp'],
      ['matmul', 'mlp'],
    ],
    [[], PARTS],
  ])('%j chooses parts', (args, parts) => {
    expect(readOptions(args).parts).toEqual(parts);
  });

  it('refuse an unknown part', () => {
    expect(() => readOptions(['--only', 'conv3d'])).toThrow('--only: expected some of matmul,');
  });
});

describe('the check on a GPU', () => {
  const n = 16;
  const a = Float32Array.from({ length: n * n }, (_, i) => Math.sin(i));
  const b = Float32Array.from({ length: n * n }, (_, i) => Math.cos(i));
  const c = Float32Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return a.subarray(i * n, (i + 1) * n).reduce((sum, x, k) => sum + x * b[k * n + j], 0);
  });

  it('finds a wrong column, and NaN', () => {
    expect(largestError(a, b, c, n)).toBeLessThan(1e-6);
    const withColumn = (value: number) => c.map((x, at) => (at % n === 3 ? value : x));
    expect(largestError(a, b, withColumn(100), n)).toBeGreaterThan(1);
    expect(largestError(a, b, withColumn(Number.NaN), n)).toBeNaN();
  });

  const matmulJob = (options: object) => ({
    part: 'matmul',
    candidate: 'handgrad',
    engine: 'handgrad-webgpu',
    task: { options },
  });
  it.each([
    ['float32', {}, 1e-7, true],
    ['float32', {}, 1e-4, false],
    ['f16', { precision: 'f16' }, 1e-4, true],
    ['f16', { precision: 'f16' }, 1e-2, false],
    ['float32', {}, Number.NaN, false],
  ])('of a product in %s (%j) with an error of %d gives %s', (_, options, error, verified) => {
    // As it arrives from a subprocess.
    const answer = JSON.parse(
      JSON.stringify({ products: [productFigures(64, { median: 1 }, error)] }),
    );
    const result = describeResult(matmulJob(options), answer);
    expect(result).toMatchObject({ verified });
    expect(isFailure(result)).toBe(!verified);
    const figure = Number.isNaN(error) ? 'NaN' : error.toExponential(1);
    const environment = { handgrad: { version: '0.1.0' }, pytorch: { error: 'none' } };
    const text = formatReport({ environment, quick: false, targets: [], results: [result] });
    expect(text).toContain(`| ${figure} | ${verified ? 'yes' : '**no**'} |`);
  });

  it('does not fail for an unavailable engine or option, which the report lists once', () => {
    const lacking =
      'webgpu: expected an adapter with shader-f16, got Some GPU without; leave the precision f16 out';
    const f16 = describeResult(matmulJob({ precision: 'f16' }), { error: lacking });
    const pytorch = { part: 'mlp', candidate: 'PyTorch', engine: 'pytorch', task: {} };
    const absent = describeResult(pytorch, { error: 'No module', isAbsent: true });
    const crashed = describeResult(pytorch, { error: 'its process ended with 1' });
    expect([f16, absent, crashed].map(isFailure)).toEqual([false, false, true]);
    const environment = { handgrad: { version: '0.1.0' }, pytorch: { error: 'none' } };
    const results = [f16, f16, absent, crashed];
    const text = formatReport({ environment, quick: false, targets: [], results });
    expect(text.match(/^- handgrad: .*f16 out$/gm)).toHaveLength(1);
    expect(text).toContain('\n- PyTorch: No module\n');
    expect(text).toContain('| mlp | PyTorch | its process ended with 1 |');
    expect(text).not.toContain('| No module |');
  });

  it('of training compares the first loss and averages the accuracies', () => {
    const job = { part: 'mlp', candidate: 'PyTorch', engine: 'pytorch', task: { tf32: false } };
    const epochs = [
      { seconds: 3, accuracy: 0.5 },
      { seconds: 1, accuracy: 0.7 },
      { seconds: 2, accuracy: 0.9 },
    ];
    const describeLoss = (loss: number) =>
      describeResult(job, { losses: [loss], epochs }, { losses: [2] });
    expect(describeLoss(2.0001)).toMatchObject({ verified: true, seconds: 2 });
    expect(describeLoss(2.0001).accuracy).toBeCloseTo(0.7);
    expect(describeLoss(2.01)).toMatchObject({ verified: false });
    expect(describeLoss(Number.NaN)).toMatchObject({ verified: false });
    expect(describeLoss(JSON.parse('null'))).toMatchObject({ verified: false });
  });
});
