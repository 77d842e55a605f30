import { afterAll, describe, inject } from 'vitest';
import { BUILDS, supportedBuilds } from '../src/backends/wasm/module.js';
import type { Backend } from '../src/numerics/backend.js';
import { createBackend } from '../src/numerics/create-backend.js';

/** A backend that tests run on, or why it is not there. */
interface Contestant {
  readonly name: string;
  readonly backend?: Backend;
  readonly missing?: string;
}

const reference = await createBackend('reference');

/** All backends of this library, started once per test file. */
const CONTESTANTS: readonly Contestant[] = [
  { name: 'reference float32', backend: reference },
  ...(await startWasm()),
  await startWebgpu(),
];

async function startWebgpu(): Promise<Contestant> {
  const name = 'webgpu';
  try {
    return { name, backend: await createBackend('webgpu') };
  } catch (error) {
    if (inject('webgpuIsRequired')) throw error;
    return { name, missing: (error as Error).message };
  }
}

async function startWasm(): Promise<Contestant[]> {
  const supported = await supportedBuilds();
  return Promise.all(
    BUILDS.map(async (build) => {
      const name = `wasm ${build}`;
      if (!supported.includes(build)) {
        return [{ name, missing: `this engine cannot run the ${build} build` }];
      }
      // On two threads every call that can be divided is, however small. Between them, the backends
      // use all tiles of the matrix product, whichever this engine would choose.
      const one = { threads: 1, tileRows: 6, pairsStrips: build === 'simd' } as const;
      const two = { threads: 2, worthPartitioning: 0, tileRows: 4 } as const;
      return [
        { name, backend: await createBackend('wasm', { build, ...one }) },
        { name: `${name}, two threads`, backend: await createBackend('wasm', { build, ...two }) },
      ];
    }),
  ).then((contestants) => contestants.flat());
}

/**
 * A suite that runs once on each backend. On one that is missing its tests are skipped, with the
 * reason in their name.
 */
export function describeOnEachBackend(title: string, suite: (backend: Backend) => void): void {
  for (const { name, backend, missing } of CONTESTANTS) {
    if (backend) describe(`${title} on ${name}`, () => suite(backend));
    // Skipped tests are still collected, with any backend: none of them runs.
    else describe.skip(`${title} on ${name}: ${missing}`, () => suite(reference));
  }
}

afterAll(async () => {
  for (const { backend } of CONTESTANTS) await backend?.close();
});
