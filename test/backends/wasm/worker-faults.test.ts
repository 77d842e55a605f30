/* Workers that die or run out of memory: an error within a second, good weights, and a way on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import {
  adam,
  type Backend,
  BackendError,
  createBackend,
  linear,
  relu,
  sequential,
} from '../../../src/index.js';
import { blobs, createTrainer, expectSameState } from '../../training/fixtures.js';

/** The time in which a failure must be reported; tests on a busy machine get twice as long. */
const SOON_MILLISECONDS = 2000;

const train = blobs({ size: 2000 });
/** Large enough for many turns of the event loop. */
const many = blobs({ size: 400_000 });

const create = (backend: Backend) =>
  createTrainer(backend, {
    model: sequential(linear(4, 64), relu(), linear(64, 64), relu(), linear(64, 3)),
    optimizer: adam({ learningRate: 1e-3 }),
  });

/** A backend and its workers. */
async function withWorkers(threads: number): Promise<{ backend: Backend; workers: Worker[] }> {
  const workers: Worker[] = [];
  const keep = (worker: Worker) => workers.push(worker);
  process.on('worker', keep);
  const backend = await createBackend('wasm', { threads, worthPartitioning: 0 });
  process.off('worker', keep);
  return { backend, workers };
}

/** The longest time between two turns of the event loop until a promise settles. */
async function longestTurn(promise: Promise<unknown>): Promise<number> {
  let [longest, last, isOver] = [0, performance.now(), false];
  promise
    .then(
      () => {},
      () => {},
    )
    .finally(() => {
      isOver = true;
    });
  while (!isOver) {
    await sleep(1);
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return longest;
}

/** Awaits a rejection that must come soon after `killed()`, while timers run. */
async function expectSoon(promise: Promise<unknown>, killed: () => number): Promise<void> {
  const turn = longestTurn(promise);
  await expect(promise).rejects.toThrow(
    /^wasm: expected all threads to finish, got a failure of one: .*(status \d|memory)/,
  );
  expect(performance.now() - killed(), 'milliseconds').toBeLessThan(SOON_MILLISECONDS);
  expect(await turn, 'longest turn').toBeLessThan(SOON_MILLISECONDS / 2);
}

/** Trains like `create` on one thread, up to a step. */
async function trainedUpTo(step: number) {
  await using backend = await createBackend('wasm', { threads: 1 });
  const trainer = create(backend);
  if (step > 0) await trainer.fit(train, { epochs: 1000, onStep: (report) => report.step < step });
  return trainer.state();
}

describe.each([2, 3])('a worker of %s threads that dies', (threads) => {
  it.each(['onProgress', 'onStep', 'a timer'])(
    'in fit, killed by %s, leaves good weights',
    async (how) => {
      const { backend, workers } = await withWorkers(threads);
      const trainer = create(backend);
      let killedAt = 0;
      let reports = 0;
      const kill = () => {
        if (killedAt > 0) return;
        killedAt = performance.now();
        void workers[0].terminate();
      };
      const count = () => {
        if (++reports === 12) kill();
      };
      if (how === 'a timer') setTimeout(kill, 300);
      const callbacks = how === 'a timer' ? {} : { [how]: count };
      await expectSoon(trainer.fit(train, { epochs: 1000, ...callbacks }), () => killedAt);

      const checkpoint = await trainer.checkpoint();
      const { step } = JSON.parse(checkpoint.metadata.handgrad);
      expectSameState(await trainer.state(), await trainedUpTo(step));

      // The run continues on a new backend as if nothing had happened.
      await using next = await createBackend('wasm', { threads });
      const resumed = create(next);
      await resumed.restore(checkpoint);
      const stop = (report: { step: number }) => report.step < step + 10;
      await resumed.fit(train, { epochs: 1000, resume: true, onStep: stop });
      expectSameState(await resumed.state(), await trainedUpTo(step + 10));
      await trainer.close();
      await backend.close();
    },
  );

  it.each(['evaluate', 'predict'] as const)('in %s keeps the weights', async (method) => {
    const { backend, workers } = await withWorkers(threads);
    const trainer = create(backend);
    await trainer.fit(train, { epochs: 1 });
    const before = await trainer.state();
    const working = method === 'evaluate' ? trainer.evaluate(many) : trainer.predict(many.inputs);
    let killedAt = 0;
    setTimeout(() => {
      killedAt = performance.now();
      void workers[0].terminate();
    }, 20);
    await expectSoon(working, () => killedAt);
    expectSameState(await trainer.state(), before);
    await expect(trainer.predict(train.inputs)).rejects.toThrow(BackendError);
    await backend.close();
  });

  it('before close does not keep close from ending', async () => {
    const { backend, workers } = await withWorkers(threads);
    void workers[0].terminate();
    await backend.close();
    const other = await withWorkers(threads);
    await other.workers[0].terminate();
    await other.backend.close();
  });
});

describe('a worker that runs out of memory', () => {
  it('is reported as such', async () => {
    const { backend, workers } = await withWorkers(2);
    const trainer = create(backend);
    // As Node reports it: the event comes before the end of the thread.
    const failure = new Error(
      'Worker terminated due to reaching memory limit: JS heap out of memory',
    );
    let killedAt = 0;
    setTimeout(() => {
      killedAt = performance.now();
      workers[0].emit('error', failure);
      void workers[0].terminate();
    }, 50);
    await expectSoon(trainer.fit(train, { epochs: 1000 }), () => killedAt);
    await backend.close();
  });
});

describe('a backend that runs out of memory', () => {
  it('refuses fit, keeps the weights, and trains on smaller data afterwards', async () => {
    await using backend = await createBackend('wasm', { threads: 2 });
    const trainer = create(backend);
    await trainer.fit(train, { epochs: 1 });
    const before = await trainer.state();
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('Maximum memory size exceeded');
    });
    // More than a reused memory of an earlier test has.
    const large = blobs({ size: 2_000_000 });
    const refusal =
      /^wasm: expected [\d.]+ MiB for inputs of .* beside [\d.]+ MiB in use, got a refusal/;
    await expect(trainer.fit(large, { epochs: 1 })).rejects.toThrow(refusal);
    await expect(trainer.evaluate(large)).rejects.toThrow(refusal);
    grow.mockRestore();
    expectSameState(await trainer.state(), before);
    await trainer.fit(train, { epochs: 1 });
    await trainer.evaluate(large);
  });
});

describe('the liveness of a worker', () => {
  it('is known without the event loop', async () => {
    const worker = new Worker('setInterval(() => {}, 1e6)', { eval: true });
    await new Promise((resolve) => worker.once('online', resolve));
    const utilization = () => worker.performance.eventLoopUtilization();
    expect(utilization().active).toBeGreaterThan(0);
    expect(utilization().idle).toBeGreaterThanOrEqual(0);
    void worker.terminate();
    const deadline = performance.now() + 5000;
    while (utilization().idle >= 0 && performance.now() < deadline);
    expect(utilization().idle).toBeLessThan(0);
  });
});
