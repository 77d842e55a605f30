import { afterAll, describe, inject } from 'vitest';
import { BUILDS, supportedBuilds } from '../src/backends/wasm/module.js';
import type { Backend } from '../src/numerics/backend.js';
import { createBackend } from '../src/numerics/create-backend.js';

/** A backend that tests run on, or the reason why it is missing. */
interface TestBackend {
  readonly name: string;
  readonly backend?: Backend;
  readonly missing?: string;
}

const reference = await createBackend('reference');

/** All backends of this library, started once per test file. */
const TEST_BACKENDS: readonly TestBackend[] = [
  { name: 'reference float32', backend: reference },
  ...(await startWasm()),
  await startWebgpu(),
];

async function startWebgpu(): Promise<TestBackend> {
  const name = 'webgpu';
  try {
    return { name, backend: await createBackend('webgpu') };
  } catch (error) {
    if (inject('webgpuIsRequired')) throw error;
    return { name, missing: (error as Error).message };
  }
}

async function startWasm(): Promise<TestBackend[]> {
  const supported = await supportedBuilds();
  return Promise.all(
    BUILDS.map(async (build) => {
      const name = `wasm ${build}`;
      if (!supported.includes(build)) {
        return [{ name, missing: `this engine cannot run the ${build} build` }];
      }
      // On two threads, every call that threads can share is shared, however small. Together, the
      // backends use all tile sizes of the GEMM, not only those that this engine would choose.
      const one = { threads: 1, tileRows: 6, pairsStrips: build === 'simd' } as const;
      const two = { threads: 2, worthPartitioning: 0, tileRows: 4 } as const;
      return [
        { name, backend: await createBackend('wasm', { build, ...one }) },
        { name: `${name}, two threads`, backend: await createBackend('wasm', { build, ...two }) },
      ];
    }),
  ).then((backends) => backends.flat());
}

/**
 * A suite that runs once on each backend. Tests on a missing backend are skipped, with the reason in
 * their name.
 */
export function describeOnEachBackend(title: string, suite: (backend: Backend) => void): void {
  for (const { name, backend, missing } of TEST_BACKENDS) {
    if (backend) describe(`${title} on ${name}`, () => suite(backend));
    // Skipped suites are still collected, with any backend, since none of their tests runs.
    else describe.skip(`${title} on ${name}: ${missing}`, () => suite(reference));
  }
}

afterAll(async () => {
  for (const { backend } of TEST_BACKENDS) await backend?.close();
});
