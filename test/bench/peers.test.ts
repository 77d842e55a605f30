import { describe, expect, it } from 'vitest';
// @ts-expect-error The benchmark is plain JavaScript, which declares no types.
import { createModel } from '../../bench/peers/engines/handgrad.mjs';
// @ts-expect-error
import { machineSlug } from '../../bench/peers/environment.mjs';
// @ts-expect-error
import { convolutionShapes, permute, withChannelsLast } from '../../bench/peers/job.mjs';
// @ts-expect-error
import { readOptions } from '../../bench/peers/options.mjs';
// @ts-expect-error
import { race } from '../../bench/peers/race.mjs';
// @ts-expect-error
import { describeResults } from '../../bench/peers/result.mjs';
// @ts-expect-error
import { formatReport } from '../../bench/peers/table.mjs';
// @ts-expect-error
import { expectedProduct, lossFault, productFault } from '../../bench/peers/verify.mjs';
// @ts-expect-error
import { operationsOf, termsOf, WORK } from '../../bench/peers/work.mjs';
import { type Layer, RECIPES } from '../../src/index.js';

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
const product = (contestant: string, rest: object) => ({
  op: 'matmul',
  work: '64x784x30',
  contestant,
  ...rest,
});

describe('the table of peers', () => {
  it('has a column per contestant with figures, in the order of the contestants', () => {
    const results = [
      product(PEER, { gflops: 6.25, ratio: 0.25 }),
      product(BASE, { gflops: 25, ratio: 1 }),
    ];
    const lines = formatReport({ environment: ENVIRONMENT, results }).split('\n');
    expect(lines).toContain(`|  | ${BASE} | ${PEER} |`);
    expect(lines).toContain('| 64×784×30 NN | 25.0 (1.00×) | 6.3 (0.25×) |');
  });

  it('has a dash where a contestant has no figure for some work', () => {
    const results = [
      product(BASE, { gflops: 25, ratio: 1 }),
      product(PEER, { work: '512x512x512', gflops: 30 }),
    ];
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain('| 512×512×512 NN | – | 30.0 |');
  });

  it('tells errors in the words of the contestant, once for all work that they stopped', () => {
    const failed = (work: string) => ({
      op: 'train',
      work,
      contestant: PEER,
      error: 'no a|b\nkernel',
    });
    const results = ['softmax', 'mlp', 'mlp-deep', 'conv', 'conv-fast', 'resnet18'].map(failed);
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain(`| ${PEER} | all train | no a\\|b kernel |`);
    expect(text).not.toContain('## Training steps');
  });
});

describe('the table of slow peers', () => {
  const step = (contestant: string, rest: object) => ({
    op: 'train',
    work: 'conv',
    contestant,
    ...rest,
  });

  it('says how few steps a figure is from', () => {
    const results = [
      step(BASE, { stepMs: { median: 11.52 }, samples: 15, timed: 300 }),
      step(PEER, { stepMs: { median: 10043.2 }, samples: 1, timed: 1 }),
    ];
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain('| 11.5 | 10043 |');
    expect(text).toContain(`Slow, and so timed less often: ${PEER}: conv, 1 step.`);
  });

  it('shows seconds and accuracy of an epoch', () => {
    const figures = { seconds: { median: 6.789 }, accuracy: 0.9907, samples: 3, timed: 3 };
    const results = [{ op: 'epoch', work: 'conv-fast-epoch', contestant: BASE, ...figures }];
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain('| 6.79 s, 99.07 % |');
  });

  it('compares time per step, however many steps each contestant had in a round', () => {
    const conv = workNamed('conv');
    const entry = (engine: string, title: string, steps: number) => ({
      contestant: { engine, title, device: 'wasm', threads: 1 },
      job: { ...conv, steps },
    });
    const [base, peer] = [entry('handgrad', 'handgrad', 20), entry('jax', 'jax-js', 1)];
    const timing = (median: number) => ({ min: median, median, p95: median, samples: 1, runs: 1 });
    const timings = new Map([
      [base, timing(200)],
      [peer, timing(1000)],
    ]);
    const [, result] = describeResults(conv, [base, peer], timings);
    expect(result).toMatchObject({ stepMs: { median: 1000 }, timed: 1, ratio: 0.01 });
  });
});

describe('the work of peers', () => {
  it.each(['softmax', 'mlp', 'mlp-deep', 'conv', 'conv-fast', 'resnet18'] as const)(
    'has the model of the recipe %s, but for dropout',
    (name) => {
      const recipe = RECIPES[name].model();
      const model = createModel(workNamed(name));
      expect(shapesOf(model)).toEqual(shapesOf(recipe));
      // ResNet-18 goes by its name.
      if (name !== 'resnet18') {
        expect(model.description).toBe(recipe.description.replaceAll(/dropout\([\d.]+\), /g, ''));
      }
    },
  );

  it('counts the multiply-adds of a convolution, and the terms of each sum', () => {
    const sizes = { subject: 'conv2d', batch: 2, extent: 5, channels: 3, outputs: 4, kernel: 3 };
    expect(operationsOf(sizes)).toBe(2 * (2 * 3 * 3) * (3 * 3) * 3 * 4);
    const terms = ['y', 'dx', 'dW'].map((wanted) => termsOf({ ...sizes, wanted }));
    expect(terms).toEqual([27, 36, 18]);
  });

  it('keeps the batches whose losses are checked in a quick run', () => {
    const { works } = readOptions(['--quick', '--subjects', 'train']);
    for (const { name, steps, checkedSteps } of works) {
      expect(steps, name).toBeGreaterThanOrEqual(checkedSteps);
    }
  });

  it('permutes axes', () => {
    expect([...permute([1, 2, 3, 4, 5, 6], [2, 3], [1, 0])]).toEqual([1, 4, 2, 5, 3, 6]);
    const values = Array.from({ length: 24 }, (_, i) => i);
    const there = permute(values, [2, 3, 4], [2, 0, 1]);
    expect([...there.slice(0, 6)]).toEqual([0, 4, 8, 12, 16, 20]);
    expect([...permute(there, [4, 2, 3], [1, 2, 0])]).toEqual(values);
  });

  it.each([
    ['y', 'y', [0, 3, 1, 2]],
    ['dx', 'x', [0, 3, 1, 2]],
    ['dW', 'W', [3, 2, 0, 1]],
  ] as const)('brings %s from channels first to channels last', (wanted, kind, toFirst) => {
    const job = { wanted, batch: 2, extent: 4, channels: 3, outputs: 5, kernel: 2 };
    const shape: number[] = convolutionShapes(job)[kind];
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: size }, (_, i) => i);
    expect([...withChannelsLast(job, permute(values, shape, toFirst))]).toEqual(values);
  });
});

function workNamed(name: string) {
  return WORK.find((work: { name: string }) => work.name === name);
}

describe('the check of peers', () => {
  const sizes = { m: 2, k: 3, n: 2, transpose: 'NN' };
  const a = [1, 2, 3, 4, 5, 6];
  const b = [1, 0, 0, 1, 1, 1];
  const C = [4, 5, 10, 11];

  it.each([
    ['NN', a, b],
    ['TN', [1, 4, 2, 5, 3, 6], b],
    ['NT', a, [1, 0, 1, 0, 1, 1]],
  ])('multiplies operands stored as %s', (transpose, a, b) => {
    expect([...expectedProduct(a, b, { ...sizes, transpose }).C]).toEqual(C);
  });

  it.each([
    ['an element that is off', [4, 5, 10.001, 11], 'element 2'],
    ['NaN', [4, Number.NaN, 10, 11], 'element 1'],
    ['a result that is too short', [4, 5, 10], '4 elements, got 3'],
  ])('refuses %s', (_, got, fault) => {
    expect(productFault(got, expectedProduct(a, b, sizes), sizes.k)).toContain(fault);
  });

  it('takes what differs by rounding only', () => {
    const got = C.map((value) => value * (1 + 2 ** -23));
    expect(productFault(got, expectedProduct(a, b, sizes), sizes.k)).toBeUndefined();
    expect(lossFault([2.3, 2.2], [2.30001, 2.2])).toBeUndefined();
  });

  it('names the step whose loss is off, and is stricter about the first', () => {
    expect(lossFault([2.3, 2.21], [2.3, 2.2])).toContain('step 2');
    expect(lossFault([2.3, 2.2003], [2.3, 2.2])).toBeUndefined();
    expect(lossFault([2.3003, 2.2], [2.3, 2.2])).toContain('step 1');
  });
});

describe('the race of peers', () => {
  const patience = { repeat: 4, sampleMilliseconds: 1, warmUpMilliseconds: 0 };

  it('gives every contestant its turn before any has the next', async () => {
    const order: string[] = [];
    const runner = (name: string) => ({
      run: async () => {
        order.push(name);
        return 1;
      },
    });
    await race(['a', 'b'].map(runner), patience);
    expect(order.join('')).toBe('ab'.repeat(5));
  });

  it('goes on without a contestant that fails', async () => {
    let runs = 0;
    const failing = {
      run: async () => {
        if (++runs > 2) throw new Error('out of memory');
        return 1;
      },
    };
    const [lost, kept] = await race([failing, { run: async () => 1 }], patience);
    expect(lost).toEqual({ error: 'out of memory' });
    expect(kept).toMatchObject({ median: 1, samples: 4 });
  });

  it('takes fewer samples of a contestant that is slow', async () => {
    const [{ samples }] = await race([{ run: async () => 6000 }], patience);
    expect(samples).toBe(3);
  });

  it('takes the first run of a contestant that is very slow for its only sample', async () => {
    let runs = 0;
    const run = async () => {
      runs += 1;
      return 60_000;
    };
    const [summary] = await race([{ run }], patience);
    expect(summary).toMatchObject({ median: 60_000, samples: 1, runs: 1 });
    expect(runs).toBe(1);
  });

  it('rouses a contestant before each sample, unless its work takes long', async () => {
    const roused = async (milliseconds: number) => {
      const asked: boolean[] = [];
      const run = async (_: number, rouse: boolean) => {
        asked.push(rouse);
        return milliseconds;
      };
      await race([{ run }], patience);
      return asked;
    };
    expect(await roused(1)).toEqual([false, true, true, true, true]);
    expect(await roused(2000)).toEqual([false, false, false, false, false]);
  });
});

it('names a machine by its processor', () => {
  expect(machineSlug('Intel(R) Xeon(R) CPU @ 2.20GHz')).toBe('intel-xeon');
  expect(machineSlug('AMD EPYC 9B14 96-Core Processor')).toBe('amd-epyc-9b14-96-core');
});

function shapesOf({ parameters }: Layer) {
  return parameters.map(({ tensor }) => tensor.shape);
}
