import { describe, expect, inject, test } from 'vitest';
import { consider, formatGpu } from '../../src/cli/info.js';
import { useDigits, useFolder } from './folders.js';
import { handgrad, jsonLines } from './run.js';

interface Machine {
  readonly webgpu: {
    readonly found: boolean;
    readonly adapter?: string;
    readonly adapters: readonly { readonly name: string; readonly features: readonly string[] }[];
    readonly notes?: readonly string[];
    readonly isSoftware?: boolean;
    readonly reason?: string;
  };
  readonly auto: { readonly considers: readonly string[]; readonly reason?: string };
  readonly missing: readonly string[];
}

const digits = useDigits();
const folder = useFolder();

describe('info', () => {
  test('--json prints one object', async () => {
    const outcome = await handgrad(['info', '--json'], { env: { HANDGRAD_MNIST: digits.path } });
    const [machine, ...others] = jsonLines(outcome);
    expect(others).toEqual([]);
    expect(machine).toMatchObject({
      node: process.versions.node,
      v8: process.versions.v8,
      platform: `${process.platform} ${process.arch}`,
      cpu: expect.any(String),
      cores: expect.any(Number),
      wasm: { simd: true, relaxedSimd: expect.any(Boolean), threads: expect.any(Boolean) },
      webgpu: { found: expect.any(Boolean) },
      backend: { backend: 'wasm', build: expect.any(String), threads: expect.any(Number) },
      mnist: { folder: digits.path, found: true, trainSize: 600, testSize: 200 },
      missing: expect.any(Array),
    });
  });

  test('says why MNIST is missing, and the remedy', async () => {
    const cache = folder.at('cache');
    const { status, stdout } = await handgrad(['info'], { env: { XDG_CACHE_HOME: cache } });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^MNIST +not on this machine$/m);
    expect(stdout).toContain(`${cache}/handgrad`);
    expect(stdout).toMatch(
      /^ {2}MNIST: .*allow the download, point HANDGRAD_MNIST, --data or loadMnist/m,
    );
  });

  test('names the GPU and its limits, or the reason why there is none', async () => {
    const [machine] = jsonLines(await handgrad(['info', '--json']));
    const { webgpu, missing } = machine as unknown as Machine;
    const { stdout } = await handgrad(['info']);
    if (!webgpu.found) {
      expect(inject('webgpuIsRequired'), webgpu.reason).toBe(false);
      expect(missing).toContain(webgpu.reason);
      expect(stdout).toContain(
        `\nGPU           ${formatGpu({ found: false, adapters: webgpu.adapters as never })}\n`,
      );
      expect(stdout).toMatch(/^ {2}WebGPU: expected /m);
      return;
    }
    expect(webgpu).toEqual({
      found: true,
      adapter: expect.any(String),
      limits: {
        maxBufferSize: expect.any(Number),
        maxStorageBufferBindingSize: expect.any(Number),
        maxComputeWorkgroupStorageSize: expect.any(Number),
        maxComputeInvocationsPerWorkgroup: expect.any(Number),
        maxStorageBuffersPerShaderStage: expect.any(Number),
      },
      notes: expect.any(Array),
      adapters: expect.any(Array),
      isSoftware: expect.any(Boolean),
    });
    expect(stdout).toContain(`GPU           ${webgpu.adapter}, tensors of up to `);
    for (const line of webgpu.notes ?? []) expect(stdout).toContain(`\n              ${line}\n`);
  });

  test('distinguishes a machine without adapters from one whose adapters are unfit', () => {
    const reason = 'WebGPU: expected a GPU adapter, got none';
    expect(formatGpu({ found: false, adapters: [], reason })).toBe('none: see below');
    const adapters = [{ name: 'Some GPU' }] as never;
    expect(formatGpu({ found: false, adapters, reason })).toBe(
      'none that kernels can run on: see below',
    );
  });

  test('lists every adapter with its features and limits', async () => {
    const [machine] = jsonLines(await handgrad(['info', '--json']));
    const { found, adapter, adapters } = (machine as unknown as Machine).webgpu;
    const { stdout } = await handgrad(['info']);
    if (adapters.length === 0) expect(stdout).toMatch(/^adapters +none$/m);
    // The limits of all of them may be too low.
    if (found) expect(adapters.map(({ name }) => name)).toContain(adapter);
    for (const each of adapters) {
      expect(each).toMatchObject({
        api: expect.any(String),
        isSoftware: expect.any(Boolean),
        description: expect.any(String),
        limits: { maxComputeInvocationsPerWorkgroup: expect.any(Number) },
      });
      expect(stdout).toContain(` ${each.name} (`);
      expect(stdout).toContain(`): ${each.features.join(', ') || 'no optional features'}; `);
    }
  });

  test('names the backends that auto considers, and why a GPU is not one', async () => {
    const [machine] = jsonLines(await handgrad(['info', '--json']));
    const { webgpu, auto } = machine as unknown as Machine;
    const { stdout } = await handgrad(['info']);
    if (webgpu.found && !webgpu.isSoftware) {
      expect(auto).toEqual({ considers: ['wasm', 'webgpu'] });
      expect(stdout).toMatch(/^auto +starts on wasm, then times a training step on webgpu too/m);
      return;
    }
    const { adapter, found } = webgpu;
    const reason = found ? `${adapter} computes on the CPU` : webgpu.reason;
    expect(auto).toEqual({ considers: ['wasm'], reason });
    expect(stdout).toContain(`\nauto          only wasm (${reason})\n`);
  });

  test('says why auto does not consider an adapter with low limits', () => {
    const gpu = { name: 'Some GPU', features: [], isSoftware: false, description: '' };
    const adapters = [{ ...gpu, limits: {} }] as never;
    const reason = 'WebGPU: expected an adapter with more';
    const auto = consider({ backend: 'wasm' }, { found: false, adapters, reason });
    expect(auto).toEqual({ considers: ['wasm'], reason });
  });

  test('says why there is no GPU, and what to install', async () => {
    const { status, stdout } = await handgrad(['info'], { env: { VK_ICD_FILENAMES: '/none' } });
    expect(status).toBe(0);
    // Only Linux finds GPU drivers through VK_ICD_FILENAMES.
    if (process.platform !== 'linux') return;
    expect(stdout).toMatch(/^GPU +none: see below$/m);
    expect(stdout).toMatch(/^ {2}WebGPU: expected (a GPU adapter|the package webgpu)/m);
  });
});
