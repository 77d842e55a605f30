import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { BUILDS, supportedBuilds, type WasmBuild } from '../../src/backends/wasm/module.js';
import { float32Between, worstUlp } from './ulp.js';

// The range and the error bound in the docstring of exp4 in assembly/exp.ts.
const SMALLEST = -87.33654;
const LARGEST = 88.72283;
const LARGEST_ERROR = 1;

const SAMPLES = 1_000_000;

/** Timeout for compiling the core with AssemblyScript, in milliseconds; generous for busy machines. */
const COMPILE_TIME = 120_000;

type Exp = (x: Float32Array) => Float32Array;

const root = fileURLToPath(new URL('../..', import.meta.url));
const supported = await supportedBuilds();

/** Compiles the core with the options of a build, and exp.as.ts with it. */
async function compile(build: WasmBuild): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
  try {
    const file = join(folder, 'exp.wasm');
    const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
    const settings = ['--config', 'asconfig.json', '--target', build, '--outFile', file];
    const args = [asc, 'test/ops/exp.as.ts', ...settings];
    await promisify(execFile)(process.execPath, args, { cwd: root });
    return new Uint8Array(await readFile(file));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function loadExp(build: WasmBuild): Promise<{ exp: Exp; expOfNonPositive: Exp }> {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const { instance } = await WebAssembly.instantiate(await compile(build), { env: { memory } });
  type Kernel = (y: number, x: number, n: number) => void;
  const core = instance.exports as unknown as {
    readonly exp: Kernel;
    readonly expOfNonPositive: Kernel;
    heapBase(): number;
  };
  const at = Math.ceil(core.heapBase() / 16) * 16;
  const run =
    (kernel: Kernel): Exp =>
    (x) => {
      const whole = Math.ceil(x.length / 4) * 4;
      memory.grow(Math.ceil((at + 4 * whole) / 65_536));
      new Float32Array(memory.buffer, at, whole).set(x);
      kernel(at, at, whole);
      return new Float32Array(memory.buffer, at, x.length).slice();
    };
  return { exp: run(core.exp), expOfNonPositive: run(core.expOfNonPositive) };
}

for (const build of BUILDS) {
  const missing = !supported.includes(build);
  const reason = missing ? `: this engine cannot run the ${build} build` : '';
  describe.skipIf(missing)(`exp4 in wasm ${build}${reason}`, () => {
    let exp: Exp;
    let expOfNonPositive: Exp;
    beforeAll(async () => {
      ({ exp, expOfNonPositive } = await loadExp(build));
    }, COMPILE_TIME);

    it(`is within ${LARGEST_ERROR} ULP of eˣ from ${SMALLEST} to ${LARGEST}`, () => {
      for (const [from, to] of [
        [2 ** -30, LARGEST],
        [-(2 ** -30), SMALLEST],
      ]) {
        const x = float32Between(from, to, SAMPLES);
        const worst = worstUlp(exp(x), x, Math.exp);
        expect(worst.error, `e^${worst.x}`).toBeLessThanOrEqual(LARGEST_ERROR);
      }
    });

    it('gives the same bits in its shorter form for x ≤ 0', () => {
      const x = float32Between(-(2 ** -30), -100, SAMPLES);
      const [short, long] = [expOfNonPositive(x), exp(x)];
      const at = short.findIndex((value, i) => value !== long[i]);
      expect(at, `e^${x[at]}: ${short[at]} and ${long[at]}`).toBe(-1);
      const ends = expOfNonPositive(Float32Array.of(0, -0, -Infinity, Number.NaN));
      expect([...ends]).toEqual([1, 1, 0, Number.NaN]);
    });

    it('is exactly 1 at zero and where eˣ rounds to 1', () => {
      expect([...exp(Float32Array.of(0, -0, 1e-20, -1e-20, 1e-40))]).toEqual([1, 1, 1, 1, 1]);
    });

    it('is finite and not zero at the ends of its range, ∞ and 0 beyond', () => {
      const [low, high] = exp(Float32Array.of(SMALLEST, LARGEST));
      expect(low).toBeGreaterThanOrEqual(2 ** -126);
      expect(high).toBeLessThan(Infinity);
      const beyond = exp(Float32Array.of(-87.33655, -1000, -Infinity, 88.7229, 1000, Infinity));
      expect([...beyond]).toEqual([0, 0, 0, Infinity, Infinity, Infinity]);
    });

    it('keeps NaN in its lane', () => {
      expect([...exp(Float32Array.of(0, Number.NaN, 0, 0))]).toEqual([1, Number.NaN, 1, 1]);
    });
  });
}
