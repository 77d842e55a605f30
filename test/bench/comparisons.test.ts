/* The harness of the comparisons with other engines. */
import { describe, expect, it, onTestFinished } from 'vitest';
// @ts-expect-error The harness is JavaScript without type declarations.
import { machineSlug } from '../../bench/harness/environment.mjs';
// @ts-expect-error
import { timeCandidates } from '../../bench/harness/interleave.mjs';
// @ts-expect-error
import { convolutionShapes, permute, withChannelsLast } from '../../bench/harness/job.mjs';
// @ts-expect-error
import { modelOf, optimizerOf } from '../../bench/harness/models.mjs';
// @ts-expect-error
import { termsOf } from '../../bench/harness/prepare.mjs';
// @ts-expect-error
import { Subprocess } from '../../bench/harness/subprocess.mjs';

describe('the models of the recipes', () => {
  const linear = (inputs: number, outputs: number) => ({
    name: 'linear',
    options: { inputs, outputs },
  });
  const relu = { name: 'relu', options: {} };

  it('are lists of layers', () => {
    const { layers, image } = modelOf('mlp');
    expect(layers).toEqual([linear(784, 30), relu, linear(30, 10)]);
    expect(image).toBeUndefined();
  });

  it('have no dropout, and the shape of an image', () => {
    const { layers, image } = modelOf('conv');
    expect(image).toEqual({ channels: 1, height: 28, width: 28 });
    expect(layers.slice(0, 4)).toEqual([
      { name: 'conv2d', options: { inputs: 1, outputs: 32, kernel: 3 } },
      relu,
      { name: 'maxPool2d', options: { kernel: 2 } },
      { name: 'conv2d', options: { inputs: 32, outputs: 64, kernel: 3 } },
    ]);
  });

  it('come with the optimizer of the recipe', () => {
    const adam = { name: 'adam', learningRate: 0.01 };
    expect(optimizerOf('conv-fast')).toEqual({ ...adam, betas: [0.7, 0.9], oneCycle: true });
    expect(optimizerOf('resnet18', 0.01)).toEqual({ ...adam, betas: [0.9, 0.999] });
    expect(optimizerOf('mlp', 0.1)).toEqual({ name: 'sgd', learningRate: 0.1 });
    expect(() => optimizerOf('mlp')).toThrow('models: expected one cycle in mlp, got cosine');
  });
});

describe('the layouts of a convolution', () => {
  it('permute axes', () => {
    expect([...permute([1, 2, 3, 4, 5, 6], [2, 3], [1, 0])]).toEqual([1, 4, 2, 5, 3, 6]);
    const values = Array.from({ length: 24 }, (_, i) => i);
    const permuted = permute(values, [2, 3, 4], [2, 0, 1]);
    expect([...permuted.slice(0, 6)]).toEqual([0, 4, 8, 12, 16, 20]);
    expect([...permute(permuted, [4, 2, 3], [1, 2, 0])]).toEqual(values);
  });

  it.each([
    ['y', 'y', [0, 3, 1, 2]],
    ['dx', 'x', [0, 3, 1, 2]],
    ['dW', 'W', [3, 2, 0, 1]],
  ] as const)('bring %s from channels first to channels last', (wanted, kind, toFirst) => {
    const job = { wanted, batch: 2, extent: 4, channels: 3, outputs: 5, kernel: 2 };
    const shape: number[] = convolutionShapes(job)[kind];
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: size }, (_, i) => i);
    expect([...withChannelsLast(job, permute(values, shape, toFirst))]).toEqual(values);
  });

  it('have as many terms per sum as the tolerance assumes', () => {
    const sizes = { batch: 2, extent: 5, channels: 3, outputs: 4, kernel: 3 };
    const terms = ['y', 'dx', 'dW'].map((wanted) => termsOf({ ...sizes, wanted }));
    expect(terms).toEqual([27, 36, 18]);
  });
});

describe('the timing of candidates', () => {
  const options = { repeat: 4, sampleMilliseconds: 1, warmUpMilliseconds: 0 };

  it('takes one sample of every candidate before the next of any', async () => {
    const order: string[] = [];
    const candidate = (name: string) => ({
      run: async () => {
        order.push(name);
        return 1;
      },
    });
    await timeCandidates(['a', 'b'].map(candidate), options);
    expect(order.join('')).toBe('ab'.repeat(5));
  });

  it('continues without a candidate that fails', async () => {
    let runs = 0;
    const failing = {
      run: async () => {
        if (++runs > 2) throw new Error('out of memory');
        return 1;
      },
    };
    const [lost, kept] = await timeCandidates([failing, { run: async () => 1 }], options);
    expect(lost).toEqual({ error: 'out of memory' });
    expect(kept).toMatchObject({ median: 1, samples: 4 });
  });

  it('takes fewer samples of a slow candidate', async () => {
    const [{ samples }] = await timeCandidates([{ run: async () => 6000 }], options);
    expect(samples).toBe(3);
  });

  it('uses the first run of a very slow candidate as its only sample', async () => {
    let runs = 0;
    const run = async () => {
      runs += 1;
      return 60_000;
    };
    const [summary] = await timeCandidates([{ run }], options);
    expect(summary).toMatchObject({ median: 60_000, samples: 1, runs: 1 });
    expect(runs).toBe(1);
  });

  it('primes a candidate before each sample, unless a run takes long', async () => {
    const primesOf = async (milliseconds: number) => {
      const primes: boolean[] = [];
      const run = async (_: number, prime: boolean) => {
        primes.push(prime);
        return milliseconds;
      };
      await timeCandidates([{ run }], options);
      return primes;
    };
    expect(await primesOf(1)).toEqual([false, true, true, true, true]);
    expect(await primesOf(2000)).toEqual([false, false, false, false, false]);
  });
});

describe('a subprocess', () => {
  const start = (code: string) => {
    const subprocess = new Subprocess([process.execPath, '-e', code]);
    onTestFinished(() => subprocess.close());
    return subprocess;
  };

  it('answers commands in JSON', async () => {
    const echo = start("process.stdin.on('data', (line) => process.stdout.write(line))");
    expect(await echo.ask({ value: 1 })).toEqual({ value: 1 });
    expect(await echo.ask({ value: 2 })).toEqual({ value: 2 });
  });

  it('may answer without a command, just before it ends', async () => {
    expect(await start('console.log(JSON.stringify({ value: 3 }))').answer()).toEqual({ value: 3 });
  });

  it.each([
    ['ends', "console.error('no memory'); process.exit(3)", 'its process ended with 3: no memory'],
    ['prints no JSON', "console.log('hello')", 'expected an answer in JSON, got hello'],
    ['reports an error', `console.log('{"error":"no kernel"}')`, 'no kernel'],
  ])('fails if it %s', async (_, code, message) => {
    await expect(start(code).answer()).rejects.toThrow(message);
  });

  it('fails if it does not answer in time', async () => {
    const hanging = start('setTimeout(() => {}, 60_000)');
    await expect(hanging.ask({}, 0.2)).rejects.toThrow('no answer within 0.2 s');
  });
});

it('names a machine by its processor', () => {
  expect(machineSlug('Intel(R) Xeon(R) CPU @ 2.20GHz')).toBe('intel-xeon');
  expect(machineSlug('AMD EPYC 9B14 96-Core Processor')).toBe('amd-epyc-9b14-96-core');
});
