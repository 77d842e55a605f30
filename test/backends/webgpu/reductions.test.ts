/* Reductions on the GPU that are split between workgroups, with and without subgroups. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAdapter } from '../../../src/backends/webgpu/adapter/adapter.js';
import type { WebgpuOptions } from '../../../src/backends/webgpu/adapter/options.js';
import { KERNELS } from '../../../src/backends/webgpu/kernels/kernels.js';
import { compileShader } from '../../../src/backends/webgpu/shaders/compile-shader.js';
import { filesOf } from '../../../src/backends/webgpu/shaders/shaders.js';
import { kernelCaseOf } from '../../../src/gradcheck/case.js';
import type { Backend } from '../../../src/numerics/backend.js';
import { createBackend } from '../../../src/numerics/create-backend.js';
import { batchNormCase } from '../../../src/ops/batch-norm.js';
import { binaryCrossEntropyCase } from '../../../src/ops/binary-cross-entropy.js';
import type { GradientDeclaration, KernelDeclaration } from '../../../src/ops/cases.js';
import { globalAveragePoolCase } from '../../../src/ops/global-average-pool.js';
import { gradientNormCase } from '../../../src/ops/gradient-norm.js';
import { groupNormCase } from '../../../src/ops/group-norm.js';
import { linearCase } from '../../../src/ops/linear.js';
import { mnistLossCase } from '../../../src/ops/mnist-loss.js';
import { softmaxCase, softmaxCrossEntropyCase } from '../../../src/ops/softmax-cross-entropy.js';
import { squaredErrorCase } from '../../../src/ops/squared-error.js';
import { RandomStream, STREAMS } from '../../../src/random/threefry.js';
import { Step } from '../../../src/step.js';
import { expectAgreement, runOp, vector } from '../../ops/checks.js';
import { expectSameBits } from '../../values.js';
import { describeWithGpu } from '../../webgpu.js';

type Draw = (random: RandomStream) => GradientDeclaration | KernelDeclaration;

/* Odd sizes on both sides of the thresholds at which passes and layouts change. */

/** Reductions of a whole workgroup, which subgroups can speed up. */
const WHOLE: readonly Draw[] = [
  (random) => softmaxCase(random, { B: 515, C: 17 }),
  (random) => softmaxCase(random, { B: 9, C: 1031 }),
  ...[
    { B: 64, C: 10 },
    { B: 255, C: 9 },
    { B: 257, C: 2 },
    { B: 131, C: 70 },
    { B: 19, C: 513 },
    { B: 1, C: 3001 },
  ].map(
    (sizes): Draw =>
      (random) =>
        softmaxCrossEntropyCase(random, sizes),
  ),
  ...[8191, 20_011].flatMap((B): Draw[] => [
    (random) => binaryCrossEntropyCase(random, B),
    (random) => mnistLossCase(random, B),
    (random) => squaredErrorCase(random, 'mean', [B, 1]),
  ]),
  (random) => gradientNormCase(random, [8191, 8193, 70_001, 3], 1),
  (random) => groupNormCase(random, [2, 31, 33, 6], 3),
];

/** Sums of columns. */
const BY_COLUMN: readonly Draw[] = [
  ...[
    [1025, 7],
    [1027, 33],
    [5003, 5],
  ].map(
    (shape): Draw =>
      (random) =>
        batchNormCase(random, shape),
  ),
  ...[
    { B: 515, I: 1, O: 17 },
    { B: 4099, I: 1, O: 3 },
  ].map(
    (sizes): Draw =>
      (random) =>
        linearCase(random, sizes),
  ),
  ...[
    [3, 5, 7, 70],
    [2, 17, 13, 5],
  ].map(
    (shape): Draw =>
      (random) =>
        globalAveragePoolCase(random, shape),
  ),
];

const newStream = () => new RandomStream(7, STREAMS.data);

/** The values of all of a case's tensors after it has run. */
async function resultsOf({ runtime }: Backend, draw: Draw) {
  const random = newStream();
  const { values, append } = kernelCaseOf(draw(random), random);
  const step = new Step();
  append(step);
  const tensors = new Set(step.calls.flatMap((call) => Object.values(call.tensors)));
  const executable = await runtime.compile(step);
  for (const [tensor, numbers] of values) runtime.write(tensor, numbers);
  await executable.run(1);
  const results = [];
  for (const tensor of tensors) results.push([tensor.name, await runtime.read(tensor)] as const);
  executable.close();
  runtime.release(tensors);
  return results;
}

function suite(draws: readonly Draw[], options: WebgpuOptions) {
  const cases = draws.map((draw) => ({ title: draw(newStream()).title, draw }));
  let backend: Backend;
  beforeAll(async () => {
    backend = await createBackend('webgpu', options);
  });
  afterAll(() => backend.close());

  it.each(cases)('agree with the reference: $title', async ({ draw }) => {
    await expectAgreement(draw(newStream()), backend);
  });

  it.each(cases)('give the same bits in every run: $title', async ({ draw }) => {
    const [once, again] = [await resultsOf(backend, draw), await resultsOf(backend, draw)];
    once.forEach(([name, values], i) => {
      expectSameBits(name, again[i][1], values);
    });
  });

  describe('of the loss of a row', () => {
    /** Rows of zeros, except for one logit. */
    async function lossWith([B, C]: readonly [number, number], at: number, logit: number) {
      const data = new Float32Array(B * C);
      data[at] = logit;
      const operands = { z: { data, shape: [B, C] }, t: vector(...new Array(B).fill(0)) };
      return runOp(backend, 'softmaxCrossEntropyForward', operands);
    }

    it.each([
      [300, 3],
      [70, 65],
      [9, 1000],
    ] as const)('propagate NaN from the last workgroup: (%i, %i)', async (B, C) => {
      const { L, p } = await lossWith([B, C], B * C - 1, Number.NaN);
      expect(L[0]).toBeNaN();
      expect(p.slice(-C).every(Number.isNaN)).toBe(true);
      expect(p.slice(0, -C).some(Number.isNaN)).toBe(false);
    });

    it.each([
      [300, 3],
      [70, 65],
      [9, 1000],
    ] as const)('stay finite for the largest logits: (%i, %i)', async (B, C) => {
      const { L, p } = await lossWith([B, C], B * C - 1, 3e38);
      expect(Math.abs(L[0] / (3e38 / B) - 1)).toBeLessThan(1e-6);
      expect([...p.slice(-2)]).toEqual([0, 1]);
    });
  });
}

describeWithGpu('split reductions', () => suite([...WHOLE, ...BY_COLUMN], {}));

describeWithGpu('split statistics', () => {
  it('propagate NaN only within its channel', async () => {
    await using backend = await createBackend('webgpu');
    const [N, C] = [2050, 3];
    const data = new Float32Array(N * C).fill(5);
    data[N * C - 2] = Number.NaN;
    const x = { data, shape: [N, C] };
    const { mean, variance } = await runOp(backend, 'batchNormStatistics', { x });
    expect([...mean]).toEqual([5, Number.NaN, 5]);
    expect([...variance]).toEqual([0, Number.NaN, 0]);
  });
});

describeWithGpu('reductions on subgroups', () => suite(WHOLE, { subgroups: true }), 'subgroups');

describeWithGpu(
  'shaders on subgroups',
  () => {
    const shaders = [...new Set(Object.values(KERNELS).map(({ shader }) => shader))];
    const reducing = shaders.filter((shader) => hasSubgroups(shader)).sort();

    function hasSubgroups(shader: string): boolean {
      return filesOf(shader, ['subgroup-reduction']).some(
        ([name]) => name === 'subgroup-reduction',
      );
    }

    it.each(reducing)('compile: %s', async (shader) => {
      const { device, close } = await openAdapter();
      await compileShader(device, shader, filesOf(shader, ['subgroup-reduction']));
      await close();
    });

    it('are those that reduce over a workgroup', () => {
      expect(reducing).toEqual([
        'binary-cross-entropy',
        'gradient-norm',
        'group-norm',
        'mnist-loss',
        'softmax-cross-entropy',
        'squared-error',
      ]);
    });
  },
  'subgroups',
);
