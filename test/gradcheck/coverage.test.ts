import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BUILDS, supportedBuilds } from '../../src/backends/wasm/module.js';
import { KERNELS } from '../../src/backends/webgpu/kernels/kernels.js';
import { kernelCaseOf } from '../../src/gradcheck/case.js';
import { kernelsIn } from '../../src/gradcheck/index.js';
import type { OpCases } from '../../src/ops/cases.js';
import { CASES, OPS, type OpName } from '../../src/ops/registry.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { readGoldens } from '../golden/golden.js';

const NAMES = Object.keys(OPS).sort() as OpName[];
const supported = await supportedBuilds();

/** Files of src/ops that define no op. */
const INFRASTRUCTURE = [
  'index',
  'call-options',
  'cases',
  'constants',
  'conv2d-shape',
  'define-op',
  'pooling-window',
  'registry',
  'shape-checks',
  'sum-into',
];

/** Ops without a counterpart in PyTorch. */
const WITHOUT_GOLDEN: readonly OpName[] = [
  // Writes a loss to the row that the step state names: bookkeeping of a run.
  'recordLoss',
];

/** The ops that the cases of one file call. */
function calledBy(cases: OpCases): string[] {
  const random = new RandomStream(1, STREAMS.data);
  const { gradients = [], kernels = [] } = cases.draw(random);
  const step = new Step();
  for (const each of [...gradients, ...kernels]) kernelCaseOf(each, random).append(step);
  return [...new Set(step.calls.map((call) => call.op))].sort();
}

describe('the cases of gradcheck', () => {
  it.each(CASES)('call every kernel of $name', (cases) => {
    expect(calledBy(cases)).toEqual(expect.arrayContaining(kernelsIn(cases)));
  });

  it('state the magnitudes of every op once', () => {
    expect(CASES.flatMap(kernelsIn).sort()).toEqual(NAMES);
  });

  it('are one entry per file of src/ops', async () => {
    const files = await readdir(new URL('../../src/ops', import.meta.url));
    const stems = files.map((file) => file.replace('.ts', ''));
    const named = stems.filter((stem) => !INFRASTRUCTURE.includes(stem));
    expect(CASES.map(({ name }) => name).sort()).toEqual(named.sort());
  });

  it('each have a test file of the same name', async () => {
    const tests = await readdir(new URL('../ops', import.meta.url));
    for (const { name } of CASES) expect(tests).toContain(`${name}.test.ts`);
  });
});

describe('the golden values', () => {
  it('cover every op that PyTorch can compute', async () => {
    const goldens = await readGoldens<{ calls: readonly { op: OpName }[] }>('ops.json');
    const covered = new Set(goldens.flatMap(({ calls }) => calls.map(({ op }) => op)));
    const wanted = NAMES.filter((op) => !WITHOUT_GOLDEN.includes(op));
    expect([...covered].sort()).toEqual(wanted);
  });
});

describe('the WebAssembly core', () => {
  for (const build of BUILDS) {
    const missing = !supported.includes(build);
    const reason = missing ? ` (skipped: this engine cannot compile it)` : '';
    it.skipIf(missing)(`has a kernel for every op in the ${build} build${reason}`, async () => {
      const file = new URL(`../../src/backends/wasm/${build}.wasm`, import.meta.url);
      const module = await WebAssembly.compile(new Uint8Array(await readFile(file)));
      const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
      expect(exported).toEqual(expect.arrayContaining(NAMES));
    });
  }
});

describe('the WebGPU backend', () => {
  it('has a kernel for every op', () => {
    expect(Object.keys(KERNELS).sort()).toEqual(NAMES);
  });
});
