/* Threads that cannot start. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BackendError, createBackend } from '../../../src/index.js';

/** Why the engine refuses the first attempts to start a worker, and how many it refuses. */
const refusals = vi.hoisted(() => ({ reasons: [''], left: 0, attempts: 0 }));

vi.mock('../../../src/platform/node.js', async (original) => {
  const actual = await original<typeof import('../../../src/platform/node.js')>();
  type Threads = typeof import('node:worker_threads');
  const nodeModule = async (name: `node:${string}`) => {
    if (name === 'node:os') return { availableParallelism: () => 4 };
    if (name !== 'node:worker_threads') return actual.nodeModule(name);
    const { Worker } = await actual.nodeModule<Threads>(name);
    return {
      Worker: class extends Worker {
        constructor(...args: ConstructorParameters<typeof Worker>) {
          const { reasons } = refusals;
          const reason = reasons[refusals.attempts++ % reasons.length];
          if (refusals.left-- > 0) throw new Error(reason);
          super(...args);
        }
      },
    };
  };
  return { ...actual, nodeModule };
});

afterEach(() => {
  Object.assign(refusals, { left: 0, attempts: 0 });
});

const REASON = 'Access to this API has been restricted';

describe('where no worker can start', () => {
  it('the default is one thread, and a note says why', async () => {
    Object.assign(refusals, { reasons: [REASON], left: Infinity });
    await using backend = await createBackend('wasm');
    const { threads, notes } = backend.info;
    expect(threads).toBe(1);
    expect(notes).toContainEqual(
      expect.stringMatching(
        new RegExp(
          `^One thread instead of \\d+: wasm: expected thread \\d+ to start, got: ${REASON}\\.$`,
        ),
      ),
    );
    expect([...(await backend.relu([-1, 2]))]).toEqual([0, 2]);
  });

  it('a requested number of threads is an error that says why', async () => {
    Object.assign(refusals, { reasons: [REASON], left: Infinity });
    await expect(createBackend('wasm', { threads: 2 })).rejects.toThrow(
      new BackendError(`wasm: expected thread 1 to start, got: ${REASON}`),
    );
    // From the module, and from the file.
    expect(refusals.attempts).toBe(2);
  });
});

it('the error names the reasons of both attempts', async () => {
  Object.assign(refusals, { reasons: ['blocked by a policy', 'no such file'], left: Infinity });
  await expect(createBackend('wasm', { threads: 2 })).rejects.toThrow(
    'wasm: expected thread 1 to start, got: blocked by a policy; no such file',
  );
});

it('a worker that cannot start from the module starts from the file', async () => {
  Object.assign(refusals, { reasons: [REASON], left: 1 });
  await using backend = await createBackend('wasm', { threads: 2, worthPartitioning: 0 });
  expect(backend.info.threads).toBe(2);
  expect(refusals.attempts).toBe(2);
  expect([...(await backend.relu([-1, 2]))]).toEqual([0, 2]);
});
