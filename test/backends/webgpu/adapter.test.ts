/* The choice of an adapter, the limits that it must have, and the errors if there is none. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  describeAdapter,
  listAdapters,
  openAdapter,
} from '../../../src/backends/webgpu/adapter/adapter.js';
import { listDawnAdapters, parseAdapters } from '../../../src/backends/webgpu/adapter/dawn.js';
import { NEEDED_LIMITS } from '../../../src/backends/webgpu/adapter/limits.js';
import { usesScratch } from '../../../src/backends/webgpu/kernels/kernels.js';
import { BackendError } from '../../../src/errors.js';
import { type BackendOptions, createBackend } from '../../../src/numerics/create-backend.js';
import { OPS, type OpName } from '../../../src/ops/registry.js';
import { describeWithGpu } from '../../webgpu.js';
import { inNode } from '../in-node.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Limits of an adapter that is good enough, with large buffers. */
const LIMITS = {
  ...NEEDED_LIMITS,
  maxBufferSize: 2 ** 30,
  maxStorageBufferBindingSize: 2 ** 29,
};

/** An adapter as browsers return it. */
function adapterOf(description: string, limits: Partial<Record<keyof typeof LIMITS, number>> = {}) {
  const requestDevice = vi.fn(async () => ({ destroy() {} }));
  return {
    info: { vendor: 'maker', architecture: 'kind', description, isFallbackAdapter: false },
    features: new Set(['subgroups', 'depth-clip-control']),
    limits: { ...LIMITS, ...limits },
    requestDevice,
  };
}

interface Offers {
  readonly fast?: ReturnType<typeof adapterOf>;
  readonly frugal?: ReturnType<typeof adapterOf>;
  readonly fallback?: ReturnType<typeof adapterOf>;
}

/** A browser that returns a different adapter for each request. */
function browserWith({ fast, frugal = fast, fallback }: Offers) {
  const requestAdapter = vi.fn(async (options: GPURequestAdapterOptions) => {
    if (options.forceFallbackAdapter) return fallback ?? null;
    return (options.powerPreference === 'low-power' ? frugal : fast) ?? null;
  });
  vi.stubGlobal('navigator', { gpu: { requestAdapter } });
  return requestAdapter;
}

describe('an option', () => {
  it.each([
    [{ tiles: 'mesured' }, "tiles to be 'default' or 'measured', got 'mesured'"],
    [{ precision: 'f32' }, "precision to be 'float32' or 'float64' or 'f16', got 'f32'"],
    [
      { powerPreference: 'high' },
      "powerPreference to be 'low-power' or 'high-performance', got 'high'",
    ],
    [{ subgroups: 'yes' }, "subgroups to be a boolean, got 'yes'"],
    [{ adapter: 3 }, 'adapter to be a string, got 3'],
    [
      { dawnToggles: 'skip_validation' },
      "dawnToggles to be an array of strings, got 'skip_validation'",
    ],
  ])('with an unknown value is rejected: %o', async (options, message) => {
    const requestAdapter = browserWith({ fast: adapterOf('Fast') });
    const opening = createBackend('webgpu', options as BackendOptions);
    await expect(opening).rejects.toThrow(new TypeError(`createBackend: expected ${message}`));
    await expect(opening).rejects.toBeInstanceOf(TypeError);
    expect(requestAdapter).not.toHaveBeenCalled();
  });
});

describe('an adapter that lacks a feature', () => {
  it.each([
    [{ subgroups: true }, 'subgroups', 'the option subgroups'],
    [{ precision: 'f16' }, 'shader-f16', 'the precision f16'],
  ] as const)(
    'is rejected where an option needs the feature, and closed: %o',
    async (options, feature, option) => {
      const destroy = vi.fn();
      const adapter = adapterOf('ACME gen-1');
      const device = { features: new Set(), limits: LIMITS, destroy };
      browserWith({ fast: { ...adapter, requestDevice: vi.fn(async () => device) } });
      const opening = createBackend('webgpu', options);
      await expect(opening).rejects.toThrow(
        `webgpu: expected an adapter with ${feature}, got ACME gen-1 without; leave ${option} out`,
      );
      await expect(opening).rejects.toBeInstanceOf(BackendError);
      expect(destroy).toHaveBeenCalledOnce();
    },
  );
});

describe('an adapter', () => {
  it('is named by its description', () => {
    const named = { vendor: 'nvidia', architecture: 'hopper', description: 'NVIDIA H200' };
    expect(describeAdapter(named)).toEqual({
      backend: 'webgpu',
      build: 'NVIDIA H200',
      threads: 1,
      notes: [],
    });
    expect(describeAdapter({ ...named, description: '' }).build).toBe('nvidia hopper');
    const silent = { vendor: '', architecture: '', description: '' };
    expect(describeAdapter(silent).build).toBe('unknown adapter');
  });

  it.each([
    { vendor: 'google', architecture: 'swiftshader', description: 'SwiftShader Runtime (Subzero)' },
    { vendor: 'mesa', architecture: '', description: 'llvmpipe (LLVM 19.1.7, 256 bits)' },
    { vendor: 'microsoft', architecture: '', description: 'Microsoft Basic Render Driver' },
  ])('that computes on the CPU has a note: $description', (info) => {
    expect(describeAdapter(info).notes).toEqual([
      `${info.description} computes on the CPU: the wasm backend is faster.`,
    ]);
  });

  it('that is a fallback adapter computes on the CPU', () => {
    const info = { vendor: '', architecture: '', description: 'Soft', isFallbackAdapter: true };
    expect(describeAdapter(info).notes).toEqual([
      'Soft computes on the CPU: the wasm backend is faster.',
    ]);
  });

  it('that does not exist is an error with a hint', async () => {
    browserWith({});
    const error = new BackendError(
      'webgpu: expected a GPU adapter, got none; install a Vulkan, Metal or Direct3D 12 driver, or use the wasm backend',
    );
    await expect(createBackend('webgpu')).rejects.toThrow(error);
    await expect(createBackend('webgpu')).rejects.toBeInstanceOf(BackendError);
    await expect(createBackend('webgpu', { adapter: 'any' })).rejects.toThrow(error);
  });

  it('is requested with the power preference', async () => {
    const requestAdapter = browserWith({});
    await createBackend('webgpu', { powerPreference: 'low-power' }).catch(() => {});
    expect(requestAdapter).toHaveBeenCalledWith({ powerPreference: 'low-power' });
  });

  it('is opened with its largest buffers and all useful features', async () => {
    const fast = adapterOf('Fast');
    browserWith({ fast });
    await openAdapter();
    const { maxBufferSize, maxStorageBufferBindingSize } = LIMITS;
    expect(fast.requestDevice).toHaveBeenCalledWith({
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      requiredFeatures: ['subgroups'],
    });
  });

  it('that does not open is an error with the reason', async () => {
    const fast = adapterOf('Fast');
    fast.requestDevice.mockRejectedValue(new Error('no memory left'));
    browserWith({ fast });
    await expect(createBackend('webgpu')).rejects.toThrow(
      new BackendError(
        'webgpu: expected Fast to open, got: no memory left; another program may be using all of it',
      ),
    );
  });

  describe('requested by name', () => {
    const [fast, frugal] = [adapterOf('Fast GPU 9000'), adapterOf('Frugal GPU')];
    const fallback = adapterOf('Software');

    it.each([
      ['Fast GPU 9000', 'Fast GPU 9000'],
      ['frugal', 'Frugal GPU'],
      ['SOFT', 'Software'],
      ['gpu', 'Fast GPU 9000'],
    ])('as %s is %s', async (adapter, name) => {
      browserWith({ fast, frugal, fallback });
      expect((await openAdapter({ adapter })).info.build).toBe(name);
    });

    it('that no adapter has is an error with the names that exist', async () => {
      browserWith({ fast, fallback });
      await expect(createBackend('webgpu', { adapter: 'H200' })).rejects.toThrow(
        new BackendError(
          'webgpu: expected an adapter whose name contains "H200", got Fast GPU 9000, Software',
        ),
      );
    });
  });

  it.each(Object.entries(NEEDED_LIMITS))(
    'with too low a limit %s is an error with both values',
    async (limit, needed) => {
      browserWith({ fast: adapterOf('Small', { [limit]: needed - 1 }) });
      const error = `expected an adapter with ${limit} of at least ${needed}, got ${needed - 1} (Small)`;
      await expect(createBackend('webgpu')).rejects.toThrow(
        new BackendError(`webgpu: ${error}; use another adapter, or the wasm backend`),
      );
      expect(await listAdapters()).toMatchObject([{ name: 'Small', rejected: error }]);
    },
  );

  it('needs no more than the default limits of WebGPU', () => {
    expect(NEEDED_LIMITS).toEqual({
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
      maxComputeWorkgroupsPerDimension: 65_535,
      maxComputeWorkgroupStorageSize: 16_384,
      maxStorageBuffersPerShaderStage: 8,
      maxUniformBufferBindingSize: 256,
    });
    // batchNormBackwardInput has the most tensors.
    const buffers = Object.entries(OPS).map(([name, { outputs, updates, inputs }]) => {
      const tensors = outputs.length + updates.length + inputs.length;
      return tensors + (usesScratch(name as OpName) ? 1 : 0);
    });
    expect(NEEDED_LIMITS.maxStorageBuffersPerShaderStage).toBe(Math.max(...buffers));
  });

  it('in a browser accepts no Dawn toggles', async () => {
    browserWith({ fast: adapterOf('Fast') });
    await expect(createBackend('webgpu', { dawnToggles: ['skip_validation'] })).rejects.toThrow(
      new BackendError(
        'webgpu: expected no dawnToggles where navigator.gpu is, got skip_validation; start the browser with --enable-dawn-features instead',
      ),
    );
  });
});

describe('Dawn', () => {
  it('lists adapters in an error', () => {
    const message = `no suitable backends found
Available adapters:
 * backend: 'vulkan', name: 'NVIDIA H200'
 * backend: 'vulkan', name: 'NVIDIA H200'
 * backend: 'vulkan', name: 'llvmpipe (LLVM 19.1.7, 256 bits)'
 * backend: 'opengl', name: 'Somebody's GPU'`;
    expect(parseAdapters(message)).toEqual([
      { api: 'vulkan', name: 'NVIDIA H200' },
      { api: 'vulkan', name: 'llvmpipe (LLVM 19.1.7, 256 bits)' },
      { api: 'opengl', name: "Somebody's GPU" },
    ]);
    expect(parseAdapters('no such library')).toEqual([]);
  });

  it('accepts no text that cannot be a toggle', async () => {
    const opening = createBackend('webgpu', { dawnToggles: ['skip_validation', 'dump shaders'] });
    await expect(opening).rejects.toThrow(
      new BackendError(
        'webgpu: expected dawnToggles to be names such as skip_validation, got "dump shaders"',
      ),
    );
  });
});

describe('the flags that Dawn is created with', () => {
  const F16_FLAG = 'vulkan_enable_f16_on_nvidia';

  /** The flags with which a backend with these options creates Dawn. */
  async function flagsFor(options: BackendOptions): Promise<readonly string[] | undefined> {
    vi.resetModules();
    const create = vi.fn((_flags: readonly string[]) => ({ requestAdapter: async () => null }));
    vi.doMock('webgpu', () => ({ create, globals: {} }));
    const whyNoDawnAdapter = async () => undefined;
    vi.doMock('../../../src/backends/webgpu/adapter/probe.js', () => ({ whyNoDawnAdapter }));
    try {
      const { openAdapter: open } = await import('../../../src/backends/webgpu/adapter/adapter.js');
      await expect(open(options)).rejects.toThrow('expected a GPU adapter, got none');
      return create.mock.calls.at(-1)?.[0];
    } finally {
      vi.doUnmock('webgpu');
      vi.doUnmock('../../../src/backends/webgpu/adapter/probe.js');
    }
  }

  it('switch on 16-bit floats on NVIDIA where f16 is requested', async () => {
    expect(await flagsFor({})).toEqual([]);
    expect(await flagsFor({ precision: 'f16' })).toEqual([`enable-dawn-features=${F16_FLAG}`]);
  });

  it('keep the toggles of the user, each once', async () => {
    const dawnToggles = ['skip_validation', F16_FLAG];
    const flags = [`enable-dawn-features=skip_validation,${F16_FLAG}`];
    expect(await flagsFor({ precision: 'f16', dawnToggles: ['skip_validation'] })).toEqual(flags);
    expect(await flagsFor({ precision: 'f16', dawnToggles })).toEqual(flags);
  });
});

describeWithGpu('Dawn', () => {
  it('opens adapters by a part of their names', async () => {
    const [{ name }] = await listDawnAdapters();
    const adapter = name.slice(1, -1).toUpperCase();
    await using backend = await createBackend('webgpu', { adapter });
    expect(backend.info.build).toBe(name);
    expect(await backend.relu([-1, 2])).toEqual(Float32Array.of(0, 2));
  });

  it('names the default adapter as in its list', async () => {
    await using backend = await createBackend('webgpu');
    const reports = await listAdapters();
    expect(reports.map(({ name }) => name)).toContain(backend.info.build);
    expect(reports.map(({ rejected }) => rejected)).toContain(undefined);
  });

  it('lists the adapters where none has the name', async () => {
    const names = (await listDawnAdapters()).map(({ name }) => name).join(', ');
    await expect(createBackend('webgpu', { adapter: 'Abacus' })).rejects.toThrow(
      new BackendError(`webgpu: expected an adapter whose name contains "Abacus", got ${names}`),
    );
  });

  it('accepts toggles', async () => {
    const dawnToggles = ['skip_validation', 'disable_robustness'];
    await using backend = await createBackend('webgpu', { dawnToggles });
    expect(await backend.relu([-1, 2])).toEqual(Float32Array.of(0, 2));
  });
});

describe('the package webgpu', () => {
  it('is named in the error where it is not installed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
    try {
      await cp(new URL('../../../dist', import.meta.url), folder, { recursive: true });
      const { stdout } = await inNode(
        `import { createBackend } from './index.js';
         await createBackend('webgpu').catch(({ name, message }) => console.log(name, message));`,
        folder,
      );
      expect(stdout).toMatch(
        /^BackendError webgpu: expected the package webgpu \(Dawn\), got: .*; run npm install webgpu\n$/,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
