/*
 * Every pair of calls of a trainer and its backend, the second made while the first runs: both give
 * what they would give one after the other, or one of them a clear error.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  adam,
  type Backend,
  BackendError,
  createBackend,
  type Trainer,
  TrainingError,
} from '../../../src/index.js';
import { blobs, createTrainer } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'pairs-'));
afterAll(() => rm(folder, { recursive: true }));

// 12 steps per epoch; several chunks of evaluation.
const train = blobs({ size: 180, bytes: true });
const test = blobs({ size: 6000, seed: 1, bytes: true });
const normalization = { mean: 0.3, std: 0.2 };

const create = (backend: Backend, seed = 0) =>
  createTrainer(backend, { normalization, optimizer: adam({ learningRate: 0.05 }), seed });

/** Weights, their file and a checkpoint of another run. */
const other = await (async () => {
  await using backend = await createBackend('wasm', { threads: 1 });
  const trainer = create(backend);
  await trainer.fit(train, { epochs: 2 });
  const path = join(folder, 'other.safetensors');
  await trainer.save(path);
  const [state, bytes] = [await trainer.state(), await trainer.encode()];
  return { path, state, bytes, checkpoint: await trainer.checkpoint() };
})();

interface Call {
  run(trainer: Trainer, backend: Backend): Promise<unknown>;
  /** Whether it replaces weights. */
  readonly replaces?: true;
  /** Whether it reads or writes a file, so that its place among other calls depends on the disk. */
  readonly usesFile?: true;
  readonly closes?: 'trainer' | 'backend';
}

const CALLS: Readonly<Record<string, Call>> = {
  fit: {
    run: async (trainer) => {
      const { epochs, examples } = await trainer.fit(train, { epochs: 3, validation: test });
      return { examples, epochs: epochs.map((record) => ({ ...record, seconds: 0 })) };
    },
  },
  evaluate: { run: (trainer) => trainer.evaluate(test) },
  'evaluate with confusion': { run: (trainer) => trainer.evaluate(test, { confusion: true }) },
  predict: { run: (trainer) => trainer.predict(test.inputs) },
  gradients: { run: (trainer) => trainer.gradients(train.inputs, train.targets) },
  state: { run: (trainer) => trainer.state() },
  encode: { run: (trainer) => trainer.encode() },
  checkpoint: { run: (trainer) => trainer.checkpoint() },
  save: { run: (trainer) => trainer.save(join(folder, 'saved.safetensors')), usesFile: true },
  loadState: { run: (trainer) => trainer.loadState(other.state), replaces: true },
  decode: { run: (trainer) => trainer.decode(other.bytes), replaces: true },
  load: { run: (trainer) => trainer.load(other.path), replaces: true, usesFile: true },
  restore: { run: (trainer) => trainer.restore(other.checkpoint), replaces: true },
  matmul: {
    run: (_trainer, backend) => backend.matmul([1, 2], [3, 4], { m: 1, n: 1, k: 2 }),
  },
  squaredError: { run: (_trainer, backend) => backend.squaredError([1, 2], [3, 5]) },
  'trainer.close': { run: (trainer) => trainer.close(), closes: 'trainer' },
  'backend.close': { run: (_trainer, backend) => backend.close(), closes: 'backend' },
};

/** A call's result, or the error that it rejects with. */
type Outcome = { readonly value: unknown } | { readonly error: Error };

function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  return call.then(
    (value) => ({ value }),
    (error: Error) => ({ error }),
  );
}

/** Makes calls on a new trainer, at once or one after the other, and reads its weights afterwards. */
async function outcomes(calls: readonly Call[], atOnce: boolean): Promise<Outcome[]> {
  const backend = await createBackend('wasm', { threads: 1 });
  const trainer = create(backend);
  const run = (call: Call) => outcomeOf(call.run(trainer, backend));
  const found: Outcome[] = [];
  if (atOnce) found.push(...(await Promise.all(calls.map(run))));
  else for (const call of calls) found.push(await run(call));
  found.push(await outcomeOf(trainer.checkpoint()));
  await backend.close();
  return found;
}

const names = Object.keys(CALLS);
const pairs = names.flatMap((first) => names.map((second) => [first, second] as const));
const alone = new Map<string, Promise<Outcome[]>>();

/** The outcomes of calls one after the other; the same for every test. */
function sequential(...calls: readonly string[]): Promise<Outcome[]> {
  const key = calls.join();
  const known =
    alone.get(key) ??
    outcomes(
      calls.map((name) => CALLS[name]),
      false,
    );
  alone.set(key, known);
  return known;
}

const errorOf = (outcome: Outcome) => ('error' in outcome ? outcome.error : undefined);

describe('a call while another one runs', () => {
  it.each(pairs)('%s, then %s', async (first, second) => {
    const [a, b] = [CALLS[first], CALLS[second]];
    const got = await outcomes([a, b], true);
    const [gotA, gotB, end] = got;
    const isFit = [first, second].map((name) => name === 'fit');
    if (isFit[0] && (b.replaces || isFit[1])) {
      // The run goes on undisturbed, and the other call is refused.
      expect(errorOf(gotB)).toBeInstanceOf(TrainingError);
      const [, undisturbed] = await sequential('fit');
      expect([gotA, end]).toEqual([(await sequential('fit'))[0], undisturbed]);
      return;
    }
    if (isFit[0] && b.closes) {
      expect(errorOf(gotA)).toBeInstanceOf(b.closes === 'trainer' ? TrainingError : BackendError);
      expect(gotB).toEqual({ value: undefined });
      return;
    }
    if (isFit[0] && !['matmul', 'squaredError'].includes(second)) {
      // The second call sees the weights after some step of the run, which goes on undisturbed.
      const [want, undisturbed] = await sequential('fit');
      expect(errorOf(gotB)).toBeUndefined();
      expect([gotA, end]).toEqual([want, undisturbed]);
      return;
    }
    if (a.usesFile || b.usesFile) {
      // The order depends on the disk; neither may fail unless the other closes, or a run is in progress.
      const mayFail = a.closes || b.closes || isFit[1];
      for (const outcome of [gotA, gotB]) {
        const error = errorOf(outcome);
        if (error === undefined) continue;
        expect(mayFail).toBeTruthy();
        expect(error instanceof TrainingError || error instanceof BackendError).toBe(true);
      }
      return;
    }
    expect(got).toEqual(await sequential(first, second));
  });

  it('is refused by a closed backend or trainer, whichever the call', async () => {
    for (const closing of ['trainer.close', 'backend.close']) {
      for (const name of names) {
        const [, outcome] = await sequential(closing, name);
        const works =
          CALLS[name].closes ||
          (closing === 'trainer.close' && ['matmul', 'squaredError'].includes(name));
        if (works) expect(errorOf(outcome)).toBeUndefined();
        else expect(errorOf(outcome)?.message, name).toMatch(/closed/);
      }
    }
  });
});
