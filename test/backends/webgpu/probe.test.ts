/* The probe of Vulkan drivers, with a stand-in for Dawn: drivers named `hangs` never answer. */
import { writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useFolder } from '../../cli/folders.js';

/** Seconds for a driver to answer; enough to start Node on a busy machine. */
const TIMEOUT = 6;

const dawn = vi.hoisted(() => ({ url: '' }));
vi.mock('../../../src/backends/webgpu/adapter/availability.js', () => ({
  dawnUrl: async () => dawn.url,
}));

const folder = useFolder(async (path) => {
  await writeFile(
    `${path}/dawn.mjs`,
    `export const globals = {};
     const drivers = process.env.VK_DRIVER_FILES;
     export const create = () => ({
       async requestAdapter() {
         while (drivers.includes('hangs'));
         return drivers.includes('works') ? {} : null;
       },
     });`,
  );
});

/** The answer of a probe in a process with these drivers, and the seconds that it took. */
async function probe(...names: readonly string[]) {
  const files = names.map((name) => folder.at(`${name}.json`)).join(delimiter);
  vi.stubEnv('VK_DRIVER_FILES', files);
  vi.stubEnv('VK_ICD_FILENAMES', files);
  vi.resetModules();
  const { whyNoDawnAdapter } = await import('../../../src/backends/webgpu/adapter/probe.js');
  const began = performance.now();
  const missing = await whyNoDawnAdapter(TIMEOUT);
  return { missing, seconds: (performance.now() - began) / 1000 };
}

beforeEach(() => {
  dawn.url = pathToFileURL(folder.at('dawn.mjs')).href;
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.runIf(process.platform !== 'win32')('the probe of drivers', () => {
  it('hides those that hang, and waits for all of them at once', async () => {
    const { missing, seconds } = await probe('hangs', 'works', 'hangs-too', 'has-none');
    expect(missing).toBeUndefined();
    expect(process.env.VK_DRIVER_FILES).toBe(folder.at('works.json'));
    expect(process.env.VK_ICD_FILENAMES).toBe(folder.at('works.json'));
    // One timeout for all drivers together, and one for each alone, at the same time.
    expect(seconds).toBeLessThan(3 * TIMEOUT);
  });

  it('says so if none answers', async () => {
    const { missing } = await probe('hangs', 'has-none');
    expect(missing).toBe(
      `a GPU driver that did not answer within ${TIMEOUT} s; reinstall the driver`,
    );
    expect(process.env.VK_DRIVER_FILES).toContain('hangs');
  });
});
