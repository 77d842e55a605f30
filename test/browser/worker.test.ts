/* `handgrad/worker` in a page: the same bits, nested threads, and a page that stays responsive. */
import { expect, it } from 'vitest';
import { syntheticDigits } from '../../src/data/index.js';
import {
  createBackend,
  linear,
  RECIPES,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
} from '../../src/index.js';
import { openWorker } from '../../src/worker/index.js';
import { blobs, expectSameState } from '../training/fixtures.js';
import { square } from '../worker/own-layers.mjs';

const { train, test } = syntheticDigits({ trainSize: 600, testSize: 100 });
const { conv } = RECIPES;

const options = () => ({
  model: conv.model(),
  loss: conv.loss(),
  optimizer: conv.optimizer(0.01),
  batchSize: 20,
});

it('trains with the same bits as the page, and the page stays responsive', async () => {
  await using library = await openWorker();
  const backend = await library.createBackend('wasm');
  if (crossOriginIsolated) expect(backend.info.threads).toBeGreaterThan(0);
  const trainer = new library.Trainer(backend, options());
  let [longest, last, isDone] = [0, performance.now(), false];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    if (!isDone) channel.port2.postMessage(0);
  };
  channel.port2.postMessage(0);
  const { epochs } = await trainer.fit(train, { epochs: 2, validation: test });
  isDone = true;
  expect(epochs).toHaveLength(2);
  // A turn of the page's own training takes 50 ms and more; the other tests of pages run at the same time.
  expect(longest).toBeLessThan(250);

  await using here = await createBackend('wasm', { threads: 1 });
  const alone = new Trainer(here, options());
  await alone.fit(train, { epochs: 2 });
  expectSameState(await trainer.state(), await alone.state());
});

it('trains with a layer of a module of the page, which has another copy of the library', async () => {
  const modules = [new URL('../worker/own-layers.mjs', import.meta.url)];
  await using library = await openWorker({ modules });
  const there = await library.createBackend('wasm', { threads: 1 });
  await using here = await createBackend('wasm', { threads: 1 });
  const options = () => ({
    model: sequential(square({ features: 4 }), linear(4, 3)),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
    batchSize: 4,
  });
  const data = blobs({ size: 40 });
  const [one, other] = [new library.Trainer(there, options()), new Trainer(here, options())];
  for (const trainer of [one, other]) await trainer.fit(data, { epochs: 2 });
  expectSameState(await one.state(), await other.state());
});

it('starts threads within the worker where the page is isolated', async () => {
  await using library = await openWorker();
  const backend = await library.createBackend('wasm', { threads: 2 });
  expect(backend.info.threads).toBe(crossOriginIsolated ? 2 : 1);
  expect([...(await backend.relu([-1, 2]))]).toEqual([0, 2]);
});
