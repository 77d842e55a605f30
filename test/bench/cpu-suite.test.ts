/* The CPU suite, without its measurements. */
import { describe, expect, it } from 'vitest';
// @ts-expect-error The suites are JavaScript without type declarations.
import { describeResults } from '../../bench/suites/cpu/results.mjs';
// @ts-expect-error
import { formatReport } from '../../bench/suites/cpu/table.mjs';
// @ts-expect-error
import { operationsOf, WORKLOADS } from '../../bench/suites/cpu/workloads.mjs';
// @ts-expect-error
import { readOptions } from '../../bench/suites/cpu.mjs';
import { type Layer, layerFrom, RECIPES } from '../../src/index.js';

const ENVIRONMENT = {
  date: '2026-01-31',
  cpu: 'Some CPU',
  cores: 2,
  platform: 'linux-x64',
  node: '24.0.0',
  v8: '13.6',
  handgrad: { version: '0.1.0', commit: 'abc1234' },
  peers: { 'some-engine': '1.2.3' },
  pytorch: { error: "No module named 'torch'" },
};

const BASE = 'handgrad wasm, 1 thread';
const PEER = 'jax-js wasm, 1 thread';
const product = (candidate: string, rest: object) => ({
  op: 'matmul',
  workload: '64x784x30',
  candidate,
  ...rest,
});

describe('the table of candidates', () => {
  it('has a column per candidate with figures, in the order of the candidates', () => {
    const results = [
      product(PEER, { gflops: 6.25, ratio: 0.25 }),
      product(BASE, { gflops: 25, ratio: 1 }),
    ];
    const lines = formatReport({ environment: ENVIRONMENT, results }).split('\n');
    expect(lines).toContain(`|  | ${BASE} | ${PEER} |`);
    expect(lines).toContain('| 64×784×30 NN | 25.0 (1.00×) | 6.3 (0.25×) |');
  });

  it('has a dash if a candidate has no figure for a workload', () => {
    const results = [
      product(BASE, { gflops: 25, ratio: 1 }),
      product(PEER, { workload: '512x512x512', gflops: 30 }),
    ];
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain('| 512×512×512 NN | – | 30.0 |');
  });

  it('lists an error of a candidate once, for all workloads that it prevented', () => {
    const failed = (workload: string) => ({
      op: 'train',
      workload,
      candidate: PEER,
      error: 'no a|b\nkernel',
    });
    const results = ['softmax', 'mlp', 'mlp-deep', 'conv', 'conv-fast', 'resnet18'].map(failed);
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain(`| ${PEER} | all train | no a\\|b kernel |`);
    expect(text).not.toContain('## Training steps');
  });
});

describe('the table of slow candidates', () => {
  const step = (candidate: string, rest: object) => ({
    op: 'train',
    workload: 'conv',
    candidate,
    ...rest,
  });

  it('lists the number of steps of candidates with few samples', () => {
    const results = [
      step(BASE, { stepMs: { median: 11.52 }, samples: 15, timed: 300 }),
      step(PEER, { stepMs: { median: 10043.2 }, samples: 1, timed: 1 }),
    ];
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain('| 11.5 | 10043 |');
    expect(text).toContain(`Slow candidates with fewer samples: ${PEER}: conv, 1 step.`);
  });

  it('shows seconds and accuracy of an epoch', () => {
    const figures = { seconds: { median: 6.789 }, accuracy: 0.9907, samples: 3, timed: 3 };
    const results = [{ op: 'epoch', workload: 'conv-fast-epoch', candidate: BASE, ...figures }];
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain('| 6.79 s, 99.07 % |');
  });

  it('compares the time per step, for rounds of different lengths', () => {
    const conv = workloadNamed('conv');
    const attempt = (engine: string, title: string, steps: number) => ({
      candidate: { engine, title, device: 'wasm', threads: 1 },
      job: { ...conv, steps },
    });
    const [base, peer] = [attempt('handgrad', 'handgrad', 20), attempt('jax', 'jax-js', 1)];
    const timing = (median: number) => ({ min: median, median, p95: median, samples: 1, runs: 1 });
    const timings = new Map([
      [base, timing(200)],
      [peer, timing(1000)],
    ]);
    const [, result] = describeResults(conv, [base, peer], timings);
    expect(result).toMatchObject({ stepMs: { median: 1000 }, timed: 1, ratio: 0.01 });
  });
});

describe('the workloads of the CPU suite', () => {
  it.each(['softmax', 'mlp', 'mlp-deep', 'conv', 'conv-fast', 'resnet18'] as const)(
    'have the model of the recipe %s, except dropout',
    (name) => {
      const recipe = RECIPES[name].model();
      const { model } = workloadNamed(name);
      expect(shapesOf(layerFrom(model))).toEqual(shapesOf(recipe));
      expect(JSON.stringify(model)).not.toContain('dropout');
    },
  );

  it('count the multiply-adds of a convolution', () => {
    const sizes = { subject: 'conv2d', batch: 2, extent: 5, channels: 3, outputs: 4, kernel: 3 };
    expect(operationsOf(sizes)).toBe(2 * (2 * 3 * 3) * (3 * 3) * 3 * 4);
  });

  it('keep the verified batches in a quick run', () => {
    const { workloads } = readOptions(['--quick', '--subjects', 'train']);
    for (const { name, steps, checkedSteps } of workloads) {
      expect(steps, name).toBeGreaterThanOrEqual(checkedSteps);
    }
  });
});

describe('the options of the CPU suite', () => {
  it.each([
    [['--shapes', 'conv', '--subjects', 'matmul'], '--shapes: expected some of --subjects matmul'],
    [['--peers', 'keras'], '--peers: expected some of handgrad, onnxruntime,'],
    [['--repeat', '0'], '--repeat: expected a positive integer, got 0'],
  ])('refuse %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });

  it('make a full run without any', () => {
    expect(readOptions([])).toMatchObject({ isFull: true, timing: { repeat: 15 } });
    expect(readOptions(['--quick'])).toMatchObject({ isFull: false });
  });
});

function workloadNamed(name: string) {
  return WORKLOADS.find((workload: { name: string }) => workload.name === name);
}

function shapesOf({ parameters }: Layer) {
  return parameters.map(({ tensor }) => tensor.shape);
}
