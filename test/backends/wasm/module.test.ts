import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadModule, supportedBuilds, type WasmBuild } from '../../../src/backends/wasm/module.js';
import { BackendError } from '../../../src/errors.js';
import { createBackend } from '../../../src/numerics/create-backend.js';

/** The features that the mocked engine reports, and whether modules can be loaded. */
const engine = vi.hoisted(() => ({
  simd: true,
  relaxed: false,
  threads: false,
  hasModules: true,
}));

vi.mock('wasm-feature-detect', () => ({
  simd: async () => engine.simd,
  relaxedSimd: async () => engine.relaxed,
  threads: async () => engine.threads,
}));

vi.mock('../../../src/platform/node.js', async (original) => {
  const actual = await original<typeof import('../../../src/platform/node.js')>();
  const nodeModule = async (name: `node:${string}`) => {
    if (!engine.hasModules) throw new Error('no such module');
    return actual.nodeModule(name);
  };
  return { ...actual, nodeModule };
});

afterEach(() => {
  Object.assign(engine, { simd: true, relaxed: false, threads: false, hasModules: true });
});

describe('on an engine without relaxed SIMD', () => {
  it('the simd build is chosen, and a note gives the reason', async () => {
    expect(await supportedBuilds()).toEqual(['simd']);
    await using backend = await createBackend('auto', { threads: 1 });
    expect(backend.info).toMatchObject({ backend: 'wasm', build: 'simd', threads: 1 });
    expect(backend.info.notes).toContainEqual(expect.stringContaining('no relaxed SIMD'));
  });

  it('there is no note if the simd build was requested', async () => {
    await using backend = await createBackend('wasm', { build: 'simd', threads: 1 });
    expect(backend.info).toMatchObject({ build: 'simd', notes: [] });
  });

  it('requesting the relaxed build is an error that names the build to use instead', async () => {
    await expect(createBackend('wasm', { build: 'relaxed' })).rejects.toThrow(
      new BackendError(
        'wasm: expected an engine with WebAssembly relaxed SIMD (Node 21, Chrome 114), got one without; use the simd build',
      ),
    );
  });
});

describe('on an engine without SIMD', () => {
  it('the wasm backend is an error that names engines with SIMD, and auto is the reference', async () => {
    Object.assign(engine, { simd: false });
    expect(await supportedBuilds()).toEqual([]);
    await expect(createBackend('wasm')).rejects.toThrow(
      new BackendError(
        'wasm: expected an engine with WebAssembly SIMD (Node 16, Chrome 91, Firefox 89, Safari 16.4), got one without; use the reference backend',
      ),
    );
    await expect(createBackend('wasm', { build: 'simd' })).rejects.toThrow(BackendError);
    await using backend = await createBackend('auto');
    expect(backend.info).toMatchObject({ backend: 'reference', build: 'float32' });
  });
});

describe('where WebAssembly is missing or forbidden', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  const forbid = () => {
    vi.spyOn(WebAssembly, 'Module').mockImplementation(function refuse() {
      throw new WebAssembly.CompileError('Wasm code generation disallowed by embedder');
    });
  };
  it.each([
    [
      'missing',
      () => vi.stubGlobal('WebAssembly', undefined),
      'an engine without it, as in Lockdown Mode or with --jitless; use another engine',
    ],
    [
      'forbidden',
      forbid,
      "a Content-Security-Policy that forbids it; add 'wasm-unsafe-eval' to script-src",
    ],
  ])(
    '%s: wasm explains it, and auto runs the reference, with a note',
    async (_, remove, reason) => {
      remove();
      const message = `wasm: expected WebAssembly, got ${reason}, or use the reference backend`;
      await expect(createBackend('wasm')).rejects.toThrow(new BackendError(message));
      await using backend = await createBackend();
      expect(backend.info).toMatchObject({ backend: 'reference', build: 'float32' });
      expect(backend.info.notes).toContain(
        `auto: the reference backend, which is slow: ${message}`,
      );
      expect([...(await backend.relu([-1, 2]))]).toEqual([0, 2]);
    },
  );
});

describe('createBackend', () => {
  it('refuses an unknown build and an unknown backend', async () => {
    await expect(createBackend('wasm', { build: 'sse' as WasmBuild })).rejects.toThrow(
      new TypeError("createBackend: expected build to be 'relaxed' or 'simd', got 'sse'"),
    );
    await expect(createBackend('cuda' as 'wasm')).rejects.toThrow(
      new BackendError("createBackend: expected auto, wasm, webgpu, reference, got 'cuda'"),
    );
  });
});

describe('loadModule', () => {
  it('reports a build that cannot be loaded, and tries again next time', async () => {
    engine.hasModules = false;
    await expect(loadModule('relaxed')).rejects.toThrow(
      new BackendError('wasm: expected to load the relaxed build, got: no such module'),
    );
    engine.hasModules = true;
    // It has been loaded, even if this engine cannot compile it.
    const outcome = await loadModule('relaxed').catch((error: BackendError) => error);
    expect(String(outcome)).not.toContain('no such module');
  });

  it('compiles a build once for several callers', async () => {
    const compile = vi.spyOn(WebAssembly, 'compile');
    try {
      const [a, b] = await Promise.all([loadModule('simd'), loadModule('simd')]);
      expect(a).toBe(b);
      expect(await loadModule('simd')).toBe(a);
      expect(compile.mock.calls.length).toBeLessThanOrEqual(1);
    } finally {
      compile.mockRestore();
    }
  });
});
