import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BUILDS, supportedBuilds } from '../../src/backends/wasm/module.js';
import { KERNELS } from '../../src/backends/webgpu/kernels/kernels.js';
import { kernelsOf } from '../../src/gradcheck/case.js';
import { FAMILIES, type Family } from '../../src/gradcheck/families.js';
import { OPS, type OpName } from '../../src/ops/registry.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';

const NAMES = Object.keys(OPS).sort() as OpName[];
const supported = await supportedBuilds();

/** The ops that a family's cases call. */
function calledBy(family: Family): string[] {
  const { gradients = [], kernels = [] } = family.draw(new RandomStream(1, STREAMS.data));
  const step = new Step();
  for (const each of [...gradients.map(kernelsOf), ...kernels]) each.append(step);
  return [...new Set(step.calls.map((call) => call.op))].sort();
}

describe('the cases of gradcheck', () => {
  it.each(FAMILIES)('call every kernel of $name', (family) => {
    expect(calledBy(family)).toEqual(expect.arrayContaining([...family.kernels]));
  });

  it('call every op of the registry', () => {
    expect([...new Set(FAMILIES.flatMap(calledBy))].sort()).toEqual(NAMES);
  });

  it('are one family per file of src/ops', async () => {
    const files = await readdir(new URL('../../src/ops', import.meta.url));
    const stems = files.map((file) => file.replace('.ts', ''));
    const families = stems.filter((stem) => stem !== 'types' && stem !== 'registry');
    expect(FAMILIES.map((family) => family.name).sort()).toEqual(families.sort());
  });

  it('have a test of the same name each', async () => {
    const tests = await readdir(new URL('../ops', import.meta.url));
    for (const { name } of FAMILIES) expect(tests).toContain(`${name}.test.ts`);
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
