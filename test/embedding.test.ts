/* Trainers and backends within the frameworks and test runners of programs that embed them. */
import { reactive, shallowReactive } from '@vue/reactivity';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createBackend } from '../src/index.js';
import { openWorker } from '../src/worker/index.js';
import { blobs, createTrainer, expectSameState } from './training/fixtures.js';

const backend = await createBackend('wasm', { threads: 1 });
const data = blobs();

describe('in the reactive state of Vue', () => {
  it('a trainer and its backend work, since Vue makes no proxies of them', async () => {
    const state = reactive({ backend, trainer: createTrainer(backend), history: {} });
    state.history = await state.trainer.fit(data, { epochs: 2 });
    const plain = createTrainer(backend);
    await plain.fit(data, { epochs: 2 });
    expectSameState(await state.trainer.state(), await plain.state());
    expect([...(await state.backend.relu([-1, 2]))]).toEqual([0, 2]);
    const nested = createTrainer(shallowReactive({ backend }).backend);
    await nested.fit(data, { epochs: 1 });
  });

  it('datasets and options may be proxies', async () => {
    const { fit } = reactive({ fit: { epochs: 2, shuffle: false } });
    const [proxied, plain] = [createTrainer(backend), createTrainer(backend)];
    await proxied.fit(reactive(data), fit);
    await plain.fit(data, { epochs: 2, shuffle: false });
    expectSameState(await proxied.state(), await plain.state());
  });

  it('works with a worker', async () => {
    await using library = await openWorker();
    const state = reactive({ backend: await library.createBackend('wasm', { threads: 1 }) });
    expect([...(await state.backend.relu([-1, 2]))]).toEqual([0, 2]);
  });
});

describe('with fake timers', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('fit, evaluate and predict end', async () => {
    vi.useFakeTimers();
    const trainer = createTrainer(backend);
    expect((await trainer.fit(data, { epochs: 20, validation: data })).epochs).toHaveLength(20);
    await trainer.evaluate(data);
    expect(await trainer.predict(data.inputs)).toHaveLength(3 * data.size);
  });
});
