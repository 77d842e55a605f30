/* How shaders are compiled, and what is said of those that cannot be. */
import { describe, expect, it } from 'vitest';
import { Pipelines } from '../../src/backends/webgpu/execution/pipelines.js';
import { planProduct, TILES } from '../../src/backends/webgpu/gemm/gemm.js';
import { compileShader, placeOf } from '../../src/backends/webgpu/shaders/compile-shader.js';
import { type ShaderFile, shadersOf } from '../../src/backends/webgpu/shaders/shaders.js';
import { BackendError } from '../../src/errors.js';
import { describeWithGpu } from '../webgpu.js';
import { open } from './open-gpu.js';

const SHADERS = shadersOf({});

describe('a line of several files', () => {
  it('is found in its own', () => {
    const files: readonly ShaderFile[] = [
      ['first', 'one\ntwo\n'],
      ['second', 'three\n'],
      ['third', 'four\nfive\n'],
    ];
    const places = [1, 2, 3, 4, 5].map((line) => placeOf(files, line));
    expect(places).toEqual([
      { file: 'first', line: 1 },
      { file: 'first', line: 2 },
      { file: 'second', line: 1 },
      { file: 'third', line: 1 },
      { file: 'third', line: 2 },
    ]);
  });

  it('ends before the next file begins', () => {
    for (const [file, text] of Object.values(SHADERS).flat()) {
      expect(text.endsWith('\n'), `shaders/${file}.wgsl`).toBe(true);
    }
  });
});

describeWithGpu('the webgpu backend compiles', () => {
  it.each(Object.entries(SHADERS))('shaders/%s.wgsl', async (name, files) => {
    const { gpu, device } = await open();
    await compileShader(gpu, name, files);
    await device.close();
  });

  it('no shader with a mistake, and says what it is and where', async () => {
    const { gpu, backend } = await open();
    const files: readonly ShaderFile[] = [
      ['sound', '// A file that others share.\nconst three = 3;\n'],
      ['broken', 'const one = 1;\nconst two = one + four;\n'],
      ['behind', 'const five = 5;\n'],
    ];
    const compiling = compileShader(gpu, 'whole', files);
    await expect(compiling).rejects.toThrow(
      /^webgpu: expected shaders\/broken\.wgsl to compile, got: .*'?four'? \(line 2, column 19\)$/,
    );
    await expect(compiling).rejects.toBeInstanceOf(BackendError);
    // Nobody but the caller hears of it.
    expect(await backend.relu([5])).toEqual(Float32Array.of(5));
    await backend.close();
  });

  it('no pass that a shader lacks, and names both', async () => {
    const { gpu, device } = await open();
    const pass = { entryPoint: 'reluSideways', workgroups: [1] } as const;
    const making = new Pipelines(gpu, {}).pipelineOf('reluForward', pass);
    await expect(making).rejects.toThrow(
      /^webgpu: expected reluSideways of shaders\/relu\.wgsl to run on this adapter, got: /,
    );
    await expect(making).rejects.toBeInstanceOf(BackendError);
    await device.close();
  });
});

describe('products of 16-bit numbers', () => {
  it('compile, for all ways to read operands, on a device that has such numbers', async () => {
    // Dawn's device without a GPU, which compiles and does nothing else, has all features.
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    const gpu = create(['backend=null']);
    const adapter = await gpu.requestAdapter();
    const device = await adapter?.requestDevice({ requiredFeatures: ['shader-f16'] });
    if (!device) throw new Error('expected a device without a GPU, got none');
    const shaders = Object.entries(shadersOf({ halves: true }));
    const products = shaders.filter(([, files]) => files[0][0] === 'halves');
    expect(products).toHaveLength(12);
    for (const [name, files] of products) await compileShader(device, name, files);
    const pipelines = new Pipelines(device, { halves: true });
    const product = { M: 64, N: 64, K: 64, readsBInFours: true };
    for (const tile of TILES) {
      const { passes } = planProduct('matmul', product, { tile, parts: 2 });
      for (const pass of passes) await pipelines.pipelineOf('matmul', pass);
    }
    device.destroy();
  });
});
