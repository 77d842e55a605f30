import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { BackendError, createBackend } from '../../src/index.js';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Why there is no such backend. */
async function refusal(): Promise<string> {
  try {
    await createBackend('webgpu');
  } catch (error) {
    expect(error).toBeInstanceOf(BackendError);
    return (error as Error).message;
  }
  return expect.fail('expected no webgpu backend, got one');
}

const hasGpu = Boolean(await navigator.gpu?.requestAdapter());

describe(`webgpu in a browser ${hasGpu ? 'with' : 'without'} a GPU`, () => {
  it.runIf(hasGpu)('runs on its GPU', async () => {
    await using backend = await createBackend('webgpu');
    expect(backend.info.build).toMatch(/\w/);
    expect(await backend.relu([-1, 2])).toEqual(Float32Array.of(0, 2));
  });

  it.runIf(hasGpu)('runs on the GPU with the given name', async () => {
    await using chosen = await createBackend('webgpu');
    const adapter = chosen.info.build.toUpperCase();
    await using named = await createBackend('webgpu', { adapter });
    expect(named.info.build).toBe(chosen.info.build);
  });

  it.skipIf(hasGpu)('that offers none says what to do', async () => {
    expect(inject('webgpuIsRequired')).toBe(false);
    expect(await refusal()).toBe(
      'webgpu: expected a GPU adapter, got none; check how the browser reports its GPU (in Chromium, at chrome://gpu), or use the wasm backend',
    );
  });

  it('that does not know WebGPU says so', async () => {
    vi.stubGlobal('navigator', {});
    expect(await refusal()).toBe(
      'webgpu: expected navigator.gpu, got a browser without WebGPU; use another browser, or the wasm backend',
    );
  });

  it('that hides WebGPU from an insecure page says how to serve the page', async () => {
    vi.stubGlobal('navigator', {});
    vi.stubGlobal('isSecureContext', false);
    expect(await refusal()).toBe(
      'webgpu: expected navigator.gpu, got a page that is not a secure context; serve it over https or from localhost, or use the wasm backend',
    );
  });
});
