/* GEMMs on the GPU with every tiling, estimated or autotuned, and in 16-bit floats. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openAdapter } from '../../../src/backends/webgpu/adapter/adapter.js';
import { Pipelines } from '../../../src/backends/webgpu/execution/pipelines.js';
import { TILES, type Tiling } from '../../../src/backends/webgpu/gemm/gemm.js';
import { openTilingCache } from '../../../src/backends/webgpu/gemm/tiling-cache.js';
import { formatTiling, parseTiling } from '../../../src/backends/webgpu/gemm/tilings.js';
import { WebgpuRuntime } from '../../../src/backends/webgpu/webgpu-runtime.js';
import { Backend } from '../../../src/numerics/backend.js';
import { createBackend } from '../../../src/numerics/create-backend.js';
import type { GradientDeclaration } from '../../../src/ops/cases.js';
import { conv2dCase } from '../../../src/ops/conv2d.js';
import { linearCase } from '../../../src/ops/linear.js';
import { matmulCase } from '../../../src/ops/matmul.js';
import { defaultCacheFolder } from '../../../src/platform/cache-folder.js';
import { RandomStream, STREAMS } from '../../../src/random/threefry.js';
import { expectAgreement } from '../../ops/checks.js';
import { describeWithGpu } from '../../webgpu.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Has the same tiling for every GEMM. */
class Always extends Map<string, Tiling> {
  readonly #tiling: Tiling;

  constructor(tiling: Tiling) {
    super();
    this.#tiling = tiling;
  }

  override has(): boolean {
    return true;
  }

  override get(): Tiling {
    return this.#tiling;
  }
}

async function backendWith(tiling: Tiling): Promise<Backend> {
  const measured = { tilings: new Always(tiling), save: async () => {} };
  return new Backend(new WebgpuRuntime(await openAdapter(), {}, measured));
}

const random = () => new RandomStream(7, STREAMS.data);
const NEIGHBOURS = { strideHeight: 1, strideWidth: 1, paddingHeight: 1, paddingWidth: 1 };
const DENSE = { dilationHeight: 1, dilationWidth: 1 };

// Rows and columns beyond a tile's edge, scalar and vec4 loads, strides and groups.
const vectorised = () => product({ M: 130, N: 132, K: 37 }, false, false);
const transposedA = () => product({ M: 132, N: 68, K: 21 }, true, false);
const transposedB = () => product({ M: 67, N: 70, K: 19 }, false, true);
const layer = () => linearCase(random(), { B: 9, I: 33, O: 18 });
const convolution = () => {
  const strides = { ...NEIGHBOURS, ...DENSE, strideHeight: 2, strideWidth: 3, groups: 2 };
  const sizes = { B: 2, H: 9, W: 8, C: 8, OC: 6, KH: 3, KW: 2 };
  return conv2dCase(random(), { ...sizes, ...strides });
};

function product(
  sizes: { readonly M: number; readonly N: number; readonly K: number },
  transposeA: boolean,
  transposeB: boolean,
): GradientDeclaration {
  return matmulCase(random(), { ...sizes, transposeA, transposeB });
}

describeWithGpu('GEMMs on a GPU agree with the reference', () => {
  it.each(TILES.map((tile) => [formatTiling({ tile, splits: 1 }).split('/')[0], tile] as const))(
    'in tiles of %s',
    async (_, tile) => {
      await using backend = await backendWith({ tile, splits: 1 });
      for (const draw of [vectorised, convolution]) await expectAgreement(draw(), backend);
    },
  );

  it('where an invocation has several blocks, and operands are transposed', async () => {
    await using backend = await backendWith({ tile: TILES[1], splits: 1 });
    for (const draw of [transposedA, transposedB]) await expectAgreement(draw(), backend);
  });

  it('with split-K', async () => {
    await using backend = await backendWith({ tile: TILES[4], splits: 3 });
    for (const draw of [vectorised, transposedA, transposedB, layer, convolution]) {
      await expectAgreement(draw(), backend);
    }
  });
});

/** The path of the tiling cache, after the cache folder is moved into this folder. */
async function cacheIn(folder: string): Promise<string> {
  for (const variable of ['HOME', 'XDG_CACHE_HOME', 'LOCALAPPDATA']) vi.stubEnv(variable, folder);
  return join(await defaultCacheFolder(), 'webgpu-tiles.json');
}

describeWithGpu('autotuning', () => {
  const sizes = { m: 40, n: 36, k: 260 };
  const a = Float32Array.from({ length: sizes.m * sizes.k }, (_, i) => (i % 7) - 3);
  const b = Float32Array.from({ length: sizes.k * sizes.n }, (_, i) => (i % 5) - 2);

  it('gives the same product, measures once, and keeps tilings in the cache folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
    const path = await cacheIn(folder);
    try {
      await using reference = await createBackend('reference');
      const want = await reference.matmul(a, b, sizes);
      const pipelineOf = vi.spyOn(Pipelines.prototype, 'pipelineOf');
      const asked: number[] = [];
      let gpu = '';
      for (let i = 0; i < 2; i++) {
        await using backend = await createBackend('webgpu', { tiles: 'measured' });
        expect(backend.info.notes).toContain('Matrix products use autotuned tilings.');
        gpu = `${backend.info.build}, float32`;
        pipelineOf.mockClear();
        expect(await backend.matmul(a, b, sizes)).toEqual(want);
        asked.push(pipelineOf.mock.calls.length);
      }
      expect(asked[0]).toBeGreaterThan(asked[1]);
      const file = JSON.parse(await readFile(path, 'utf8'));
      const kept = Object.values(file[gpu]);
      expect(kept.length).toBeGreaterThan(0);
      for (const text of kept) expect(parseTiling(text)).toBeDefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('keeps the estimated tiling where there is no memory to measure', async () => {
    const adapter = await openAdapter();
    const gpu = adapter.device;
    const create = gpu.createBuffer.bind(gpu);
    const tooLarge = 2 * gpu.limits.maxBufferSize;
    vi.spyOn(gpu, 'createBuffer').mockImplementation((descriptor) => {
      const isMeasured = descriptor.label?.startsWith('operands to autotune');
      return create(isMeasured ? { ...descriptor, size: tooLarge } : descriptor);
    });
    const measured = { tilings: new Map<string, Tiling>(), save: vi.fn(async () => {}) };
    await using backend = new Backend(new WebgpuRuntime(adapter, {}, measured));
    await using reference = await createBackend('reference');
    expect(await backend.matmul(a, b, sizes)).toEqual(await reference.matmul(a, b, sizes));
    expect(measured.tilings.size).toBe(0);
    expect(measured.save).not.toHaveBeenCalled();
  });
});

describe('the tiling cache', () => {
  it('is read from the cache folder, except for invalid entries', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
    const path = await cacheIn(folder);
    try {
      const known = await openTilingCache('some GPU', 'float32');
      known.tilings.set('good', { tile: TILES[0], splits: 4 });
      await known.save();
      expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
        'some GPU, float32': { good: '128x128/4' },
      });
      await writeFile(path, '{"another GPU, float32": {"good": "64x16/2", "bad": "5x5/1"}}');
      const read = await openTilingCache('another GPU', 'float32');
      expect([...read.tilings]).toEqual([['good', { tile: TILES[4], splits: 2 }]]);
      await writeFile(path, '{"a fourth GPU, float32": null}');
      expect((await openTilingCache('a fourth GPU', 'float32')).tilings.size).toBe(0);
      await writeFile(path, '{"a third GPU');
      expect((await openTilingCache('a third GPU', 'float32')).tilings.size).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describeWithGpu(
  'GEMMs in 16-bit floats',
  () => {
    it('agree with GEMMs in 32-bit floats up to the rounding of 16 bits', async () => {
      const [m, n, k] = [130, 70, 200];
      const draw = random();
      const a = Float32Array.from({ length: m * k }, () => 2 * draw.nextFloat() - 1);
      const b = Float32Array.from({ length: k * n }, () => 2 * draw.nextFloat() - 1);
      await using half = await createBackend('webgpu', { precision: 'f16' });
      await using whole = await createBackend('webgpu');
      const got = await half.matmul(a, b, { m, n, k });
      const want = await whole.matmul(a, b, { m, n, k });
      const bounds = await whole.matmul(a.map(Math.abs), b.map(Math.abs), { m, n, k });
      expect(got).not.toEqual(want);
      // Two operands, their product and up to 16 sums per step are each rounded to 11 bits.
      got.forEach((value, i) => {
        expect(Math.abs(value - want[i])).toBeLessThanOrEqual(19 * 2 ** -11 * bounds[i]);
      });
    });
  },
  'shader-f16',
);
