/* Products on the GPU in tiles of every shape, chosen or measured, and of 16-bit numbers. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Backend } from '../../src/numerics/backend.js';
import { createBackend } from '../../src/numerics/create-backend.js';
import { openAdapter } from '../../src/backends/webgpu/adapter.js';
import { openCuts } from '../../src/backends/webgpu/cut-file.js';
import { formatCut, parseCut } from '../../src/backends/webgpu/cuts.js';
import { Pipelines } from '../../src/backends/webgpu/pipelines.js';
import { type Cut, TILES } from '../../src/backends/webgpu/products.js';
import { WebgpuDevice } from '../../src/backends/webgpu/webgpu.js';
import { defaultCacheFolder } from '../../src/cache-folder.js';
import type { GradientDeclaration } from '../../src/ops/cases.js';
import { conv2dCase } from '../../src/ops/conv2d.js';
import { linearCase } from '../../src/ops/linear.js';
import { matmulCase } from '../../src/ops/matmul.js';
import { RandomStream, STREAMS } from '../../src/random/threefry.js';
import { expectAgreement } from '../ops/checks.js';
import { describeWithGpu } from '../webgpu.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Knows the same cut for every product. */
class Always extends Map<string, Cut> {
  readonly #cut: Cut;

  constructor(cut: Cut) {
    super();
    this.#cut = cut;
  }

  override has(): boolean {
    return true;
  }

  override get(): Cut {
    return this.#cut;
  }
}

async function backendWith(cut: Cut): Promise<Backend> {
  const measured = { cuts: new Always(cut), save: async () => {} };
  return new Backend(new WebgpuDevice(await openAdapter(), {}, measured));
}

const random = () => new RandomStream(7, STREAMS.data);
const NEIGHBOURS = { strideHeight: 1, strideWidth: 1, paddingHeight: 1, paddingWidth: 1 };
const DENSE = { dilationHeight: 1, dilationWidth: 1 };

// Rows and columns beyond a tile's edge, operands read by element and by four, strides and groups.
const readByFour = () => product({ M: 130, N: 132, K: 37 }, false, false);
const turnedA = () => product({ M: 132, N: 68, K: 21 }, true, false);
const turnedB = () => product({ M: 67, N: 70, K: 19 }, false, true);
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

describeWithGpu('products on a GPU agree with the reference', () => {
  it.each(TILES.map((tile) => [formatCut({ tile, parts: 1 }).split('/')[0], tile] as const))(
    'in tiles of %s',
    async (_, tile) => {
      await using backend = await backendWith({ tile, parts: 1 });
      for (const draw of [readByFour, convolution]) await expectAgreement(draw(), backend);
    },
  );

  it('where an invocation has several blocks, and operands are turned', async () => {
    await using backend = await backendWith({ tile: TILES[1], parts: 1 });
    for (const draw of [turnedA, turnedB]) await expectAgreement(draw(), backend);
  });

  it('where sums are in parts', async () => {
    await using backend = await backendWith({ tile: TILES[4], parts: 3 });
    for (const draw of [readByFour, turnedA, turnedB, layer, convolution]) {
      await expectAgreement(draw(), backend);
    }
  });
});

/** Where measured cuts are kept, with the cache folder in a folder of the test's. */
async function cacheIn(folder: string): Promise<string> {
  for (const variable of ['HOME', 'XDG_CACHE_HOME', 'LOCALAPPDATA']) vi.stubEnv(variable, folder);
  return join(await defaultCacheFolder(), 'webgpu-tiles.json');
}

describeWithGpu('measured tiles', () => {
  const sizes = { m: 40, n: 36, k: 260 };
  const a = Float32Array.from({ length: sizes.m * sizes.k }, (_, i) => (i % 7) - 3);
  const b = Float32Array.from({ length: sizes.k * sizes.n }, (_, i) => (i % 5) - 2);

  it('give the same product, are measured once, and stay in the cache folder', async () => {
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
        expect(backend.info.notes).toContain('Products take the tiles that were measured.');
        gpu = `${backend.info.build}, float32`;
        pipelineOf.mockClear();
        expect(await backend.matmul(a, b, sizes)).toEqual(want);
        asked.push(pipelineOf.mock.calls.length);
      }
      expect(asked[0]).toBeGreaterThan(asked[1]);
      const file = JSON.parse(await readFile(path, 'utf8'));
      const kept = Object.values(file[gpu]);
      expect(kept.length).toBeGreaterThan(0);
      for (const text of kept) expect(parseCut(text)).toBeDefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('are not found where there is no room to measure, and the product is right all the same', async () => {
    const adapter = await openAdapter();
    const gpu = adapter.device;
    const create = gpu.createBuffer.bind(gpu);
    const tooLarge = 2 * gpu.limits.maxBufferSize;
    vi.spyOn(gpu, 'createBuffer').mockImplementation((descriptor) => {
      const isMeasured = descriptor.label?.startsWith('operands to measure');
      return create(isMeasured ? { ...descriptor, size: tooLarge } : descriptor);
    });
    const measured = { cuts: new Map<string, Cut>(), save: vi.fn(async () => {}) };
    await using backend = new Backend(new WebgpuDevice(adapter, {}, measured));
    await using reference = await createBackend('reference');
    expect(await backend.matmul(a, b, sizes)).toEqual(await reference.matmul(a, b, sizes));
    expect(measured.cuts.size).toBe(0);
    expect(measured.save).not.toHaveBeenCalled();
  });
});

describe('what was measured', () => {
  it('is read from the cache folder, but for what is spoiled', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
    const path = await cacheIn(folder);
    try {
      const known = await openCuts('some GPU', 'float32');
      known.cuts.set('good', { tile: TILES[0], parts: 4 });
      await known.save();
      expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
        'some GPU, float32': { good: '128x128/4' },
      });
      await writeFile(path, '{"another GPU, float32": {"good": "64x16/2", "bad": "5x5/1"}}');
      const read = await openCuts('another GPU', 'float32');
      expect([...read.cuts]).toEqual([['good', { tile: TILES[4], parts: 2 }]]);
      await writeFile(path, '{"a fourth GPU, float32": null}');
      expect((await openCuts('a fourth GPU', 'float32')).cuts.size).toBe(0);
      await writeFile(path, '{"a third GPU');
      expect((await openCuts('a third GPU', 'float32')).cuts.size).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describeWithGpu(
  'products of 16-bit numbers',
  () => {
    it('agree with those of 32 bits, as far as 16 bits go', async () => {
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
      // Two operands, their product and up to 16 sums of a step, each rounded to 11 bits.
      got.forEach((value, i) => {
        expect(Math.abs(value - want[i])).toBeLessThanOrEqual(19 * 2 ** -11 * bounds[i]);
      });
    });
  },
  'shader-f16',
);
