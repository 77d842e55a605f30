import { describe, expect, it } from 'vitest';
// @ts-expect-error The benchmark is plain JavaScript, which declares no types.
import { machineSlug } from '../../bench/peers/environment.mjs';
// @ts-expect-error
import { race } from '../../bench/peers/race.mjs';
// @ts-expect-error
import { formatReport } from '../../bench/peers/table.mjs';
// @ts-expect-error
import { expectedProduct, lossFault, productFault } from '../../bench/peers/verify.mjs';

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
    const results = ['softmax', 'mlp', 'mlp-deep'].map(failed);
    const text = formatReport({ environment: ENVIRONMENT, results });
    expect(text).toContain(`| ${PEER} | all train | no a\\|b kernel |`);
    expect(text).not.toContain('## Training steps');
  });
});

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
    const [{ samples }] = await race([{ run: async () => 60_000 }], patience);
    expect(samples).toBe(3);
  });
});

it('names a machine by its processor', () => {
  expect(machineSlug('Intel(R) Xeon(R) CPU @ 2.20GHz')).toBe('intel-xeon');
  expect(machineSlug('AMD EPYC 9B14 96-Core Processor')).toBe('amd-epyc-9b14-96-core');
});
