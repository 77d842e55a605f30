/* Which adapter is opened, what it must offer, and what is said where there is none. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BackendOptions, createBackend } from '../../src/numerics/create-backend.js';
import { describeAdapter, listAdapters, openAdapter } from '../../src/backends/webgpu/adapter.js';
import { listDawnAdapters, parseAdapters } from '../../src/backends/webgpu/dawn.js';
import { NEEDED_LIMITS } from '../../src/backends/webgpu/limits.js';
import { BackendError } from '../../src/errors.js';
import { describeWithGpu } from '../webgpu.js';
import { inNode } from './in-node.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Offers all that is needed, and large buffers. */
const LIMITS = {
  ...NEEDED_LIMITS,
  maxBufferSize: 2 ** 30,
  maxStorageBufferBindingSize: 2 ** 29,
};

/** An adapter as a browser has them. */
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

/** A browser in which each wish finds another adapter. */
function browserWith({ fast, frugal = fast, fallback }: Offers) {
  const requestAdapter = vi.fn(async (wish: GPURequestAdapterOptions) => {
    if (wish.forceFallbackAdapter) return fallback ?? null;
    return (wish.powerPreference === 'low-power' ? frugal : fast) ?? null;
  });
  vi.stubGlobal('navigator', { gpu: { requestAdapter } });
  return requestAdapter;
}

describe('an option', () => {
  it.each([
    [{ tiles: 'mesured' }, 'tiles to be default or measured, got mesured'],
    [{ precision: 'f32' }, 'precision to be float32 or float64 or f16, got f32'],
    [{ powerPreference: 'high' }, 'powerPreference to be low-power or high-performance, got high'],
    [{ subgroups: 'yes' }, 'subgroups to be true or false, got yes'],
    [{ adapter: 3 }, 'adapter to be a name, got 3'],
    [{ dawnToggles: 'skip_validation' }, 'dawnToggles to be a list of names, got skip_validation'],
  ])('that is none of its choices is refused: %o', async (options, message) => {
    const requestAdapter = browserWith({ fast: adapterOf('Fast') });
    const opening = createBackend('webgpu', options as BackendOptions);
    await expect(opening).rejects.toThrow(new BackendError(`webgpu: expected ${message}`));
    await expect(opening).rejects.toBeInstanceOf(BackendError);
    expect(requestAdapter).not.toHaveBeenCalled();
  });
});

describe('an adapter that lacks a feature', () => {
  it.each([
    [{ subgroups: true }, 'subgroups', 'the option subgroups'],
    [{ precision: 'f16' }, 'shader-f16', 'the precision f16'],
  ] as const)(
    'is refused where it is asked for, and closed: %o',
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
  it('is called by what it says of itself', () => {
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
    { vendor: 'google', architecture: 'swiftshader', description: 'SwiftShader Device (Subzero)' },
    { vendor: 'mesa', architecture: '', description: 'llvmpipe (LLVM 19.1.7, 256 bits)' },
    { vendor: 'microsoft', architecture: '', description: 'Microsoft Basic Render Driver' },
  ])('that computes on the CPU is said to: $description', (info) => {
    expect(describeAdapter(info).notes).toEqual([
      `${info.description} computes on the CPU: the wasm backend is faster.`,
    ]);
  });

  it('that says it stands in for a GPU computes on the CPU', () => {
    const info = { vendor: '', architecture: '', description: 'Soft', isFallbackAdapter: true };
    expect(describeAdapter(info).notes).toEqual([
      'Soft computes on the CPU: the wasm backend is faster.',
    ]);
  });

  it('that the system does not have is an error with what to do', async () => {
    browserWith({});
    const error = new BackendError(
      'webgpu: expected a GPU adapter, got none; install a Vulkan, Metal or Direct3D 12 driver, or use the wasm backend',
    );
    await expect(createBackend('webgpu')).rejects.toThrow(error);
    await expect(createBackend('webgpu')).rejects.toBeInstanceOf(BackendError);
    await expect(createBackend('webgpu', { adapter: 'any' })).rejects.toThrow(error);
  });

  it('is asked for with the power that is preferred', async () => {
    const requestAdapter = browserWith({});
    await createBackend('webgpu', { powerPreference: 'low-power' }).catch(() => {});
    expect(requestAdapter).toHaveBeenCalledWith({ powerPreference: 'low-power' });
  });

  it('is asked for all that it has of buffers and useful features', async () => {
    const fast = adapterOf('Fast');
    browserWith({ fast });
    await openAdapter();
    const { maxBufferSize, maxStorageBufferBindingSize } = LIMITS;
    expect(fast.requestDevice).toHaveBeenCalledWith({
      requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
      requiredFeatures: ['subgroups'],
    });
  });

  it('that does not open is an error with its reason', async () => {
    const fast = adapterOf('Fast');
    fast.requestDevice.mockRejectedValue(new Error('no memory left'));
    browserWith({ fast });
    await expect(createBackend('webgpu')).rejects.toThrow(
      new BackendError(
        'webgpu: expected Fast to open, got: no memory left; another program may be using all of it',
      ),
    );
  });

  describe('asked for by name', () => {
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

    it('that no adapter has is an error with those that there are', async () => {
      browserWith({ fast, fallback });
      await expect(createBackend('webgpu', { adapter: 'H200' })).rejects.toThrow(
        new BackendError(
          'webgpu: expected an adapter whose name contains "H200", got Fast GPU 9000, Software',
        ),
      );
    });
  });

  it.each(Object.entries(NEEDED_LIMITS))(
    'with too little of %s is an error that says how much',
    async (limit, needed) => {
      browserWith({ fast: adapterOf('Small', { [limit]: needed - 1 }) });
      const error = `expected an adapter with ${limit} of at least ${needed}, got ${needed - 1} (Small)`;
      await expect(createBackend('webgpu')).rejects.toThrow(
        new BackendError(`webgpu: ${error}; use another adapter, or the wasm backend`),
      );
      expect(await listAdapters()).toMatchObject([{ name: 'Small', rejected: error }]);
    },
  );

  it('needs what every adapter of the standard has, and no more', () => {
    expect(NEEDED_LIMITS).toEqual({
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupSizeX: 256,
      maxComputeWorkgroupsPerDimension: 65_535,
      maxComputeWorkgroupStorageSize: 16_384,
      // The widest op is the gradient of a batch norm's input.
      maxStorageBuffersPerShaderStage: 8,
      maxUniformBufferBindingSize: 256,
    });
  });

  it('in a browser takes no toggles of Dawn', async () => {
    browserWith({ fast: adapterOf('Fast') });
    await expect(createBackend('webgpu', { dawnToggles: ['skip_validation'] })).rejects.toThrow(
      new BackendError(
        'webgpu: expected no dawnToggles where navigator.gpu is, got skip_validation; they are chosen where the browser is started, with --enable-dawn-features',
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

  it('is given no toggle that cannot be one', async () => {
    const opening = createBackend('webgpu', { dawnToggles: ['skip_validation', 'dump shaders'] });
    await expect(opening).rejects.toThrow(
      new BackendError(
        'webgpu: expected dawnToggles to be names such as skip_validation, got "dump shaders"',
      ),
    );
  });
});

describeWithGpu('Dawn', () => {
  it('has adapters that are opened by a part of their names', async () => {
    const [{ name }] = await listDawnAdapters();
    const adapter = name.slice(1, -1).toUpperCase();
    await using backend = await createBackend('webgpu', { adapter });
    expect(backend.info.build).toBe(name);
    expect(await backend.relu([-1, 2])).toEqual(Float32Array.of(0, 2));
  });

  it('calls the adapter that it prefers as it does in its list', async () => {
    await using backend = await createBackend('webgpu');
    const reports = await listAdapters();
    expect(reports.map(({ name }) => name)).toContain(backend.info.build);
    expect(reports.map(({ rejected }) => rejected)).toContain(undefined);
  });

  it('says which adapters there are where none has the name', async () => {
    const names = (await listDawnAdapters()).map(({ name }) => name).join(', ');
    await expect(createBackend('webgpu', { adapter: 'Abacus' })).rejects.toThrow(
      new BackendError(`webgpu: expected an adapter whose name contains "Abacus", got ${names}`),
    );
  });

  it('takes toggles', async () => {
    const dawnToggles = ['skip_validation', 'disable_robustness'];
    await using backend = await createBackend('webgpu', { dawnToggles });
    expect(await backend.relu([-1, 2])).toEqual(Float32Array.of(0, 2));
  });
});

describe('the package webgpu', () => {
  it('is asked for where it is not installed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
    try {
      await cp(new URL('../../dist', import.meta.url), folder, { recursive: true });
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
