/* How shaders are compiled, and the errors of those that do not compile. */

import { describe, expect, it } from 'vitest';
import { Pipelines } from '../../../src/backends/webgpu/execution/pipelines.js';
import { planGemm, TILES } from '../../../src/backends/webgpu/gemm/gemm.js';
import { KERNELS } from '../../../src/backends/webgpu/kernels/kernels.js';
import { compileShader, placeOf } from '../../../src/backends/webgpu/shaders/compile-shader.js';
import {
  filesOf,
  type ShaderFile,
  type Variant,
} from '../../../src/backends/webgpu/shaders/shaders.js';
import { BackendError } from '../../../src/errors.js';
import { opNamed } from '../../../src/ops/registry.js';
import { describeWithGpu } from '../../webgpu.js';
import { open } from './open-gpu.js';

/** The shaders that kernels name. */
const SHADERS = [...new Set(Object.values(KERNELS).map(({ shader }) => shader))];

describe('a line of the joined text', () => {
  it('is found in its file', () => {
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
    for (const [file, text] of SHADERS.flatMap((shader) => filesOf(shader))) {
      expect(text.endsWith('\n'), `shaders/${file}.wgsl`).toBe(true);
    }
  });
});

describeWithGpu('the webgpu backend compiles', () => {
  it.each(SHADERS)('shaders/%s.wgsl', async (name) => {
    const { gpu, device } = await open();
    await compileShader(gpu, name, filesOf(name));
    await device.close();
  });

  it('no shader with an error, and names the file and the line', async () => {
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
    // Only the caller receives the error.
    expect(await backend.relu([5])).toEqual(Float32Array.of(5));
    await backend.close();
  });

  it('no pass whose entry point is missing, and names it and the shader', async () => {
    const { gpu, device } = await open();
    const pass = { entryPoint: 'reluSideways', workgroups: [1] } as const;
    const making = new Pipelines(gpu).pipelineOf(opNamed('reluForward'), pass);
    await expect(making).rejects.toThrow(
      /^webgpu: expected reluSideways of shaders\/relu\.wgsl to run on this adapter, got: /,
    );
    await expect(making).rejects.toBeInstanceOf(BackendError);
    await device.close();
  });
});

describe('GEMMs in 16-bit floats', () => {
  it('compile, with scalar and vec4 loads, on a device that has such floats', async () => {
    // Dawn's null backend compiles shaders without a GPU, and has all features.
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    const gpu = create(['backend=null']);
    const adapter = await gpu.requestAdapter();
    const device = await adapter?.requestDevice({ requiredFeatures: ['shader-f16'] });
    if (!device) throw new Error('expected a device without a GPU, got none');
    const loads: Variant[][] = [
      [],
      ['read-a-vec4'],
      ['read-b-vec4'],
      ['read-a-vec4', 'read-b-vec4'],
    ];
    for (const shader of ['conv2d', 'linear', 'matmul']) {
      for (const variants of loads) {
        const files = filesOf(shader, ['f16', ...variants]);
        expect(files.map(([name]) => name)).toContain('f16');
        await compileShader(device, shader, files);
      }
    }
    const pipelines = new Pipelines(device, ['f16']);
    const gemm = { M: 64, N: 64, K: 64, vec4B: true };
    for (const tile of TILES) {
      const { passes } = planGemm(gemm, { tile, splits: 2 });
      for (const pass of passes) await pipelines.pipelineOf(opNamed('matmul'), pass);
    }
    device.destroy();
  });
});
