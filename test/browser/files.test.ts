/* Weights in files, in a page. */
import { afterEach, expect, it, vi } from 'vitest';
import { createBackend, linear, sgd, squaredError, Trainer } from '../../src/index.js';
import { openWorker } from '../../src/worker/index.js';

const options = () => ({
  model: linear(1, 1),
  loss: squaredError(),
  optimizer: sgd({ learningRate: 0.1 }),
  batchSize: 1,
});

async function createTrainer(seed = 0): Promise<Trainer> {
  return new Trainer(await createBackend('reference'), { ...options(), seed });
}

afterEach(() => {
  vi.unstubAllGlobals();
});

it('load fetches a URL that is relative to the base of the page', async () => {
  const saved = await createTrainer(1);
  const source = new URL('files/line.safetensors', document.baseURI).href;
  const fetched: string[] = [];
  vi.stubGlobal('fetch', async (place: string | URL) => {
    fetched.push(new Request(place).url);
    return new Response(await saved.encode());
  });
  const trainer = await createTrainer();
  await trainer.load('files/line.safetensors');
  await trainer.load(new URL(source));
  expect(fetched).toEqual([source, source]);
  expect(await trainer.predict([3])).toEqual(await saved.predict([3]));
});

it('save writes into the handle of a file', async () => {
  const trainer = await createTrainer();
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle('weights.safetensors', { create: true });
  await trainer.save(handle);
  const saved = new Uint8Array(await (await handle.getFile()).arrayBuffer());
  expect(saved).toEqual(await trainer.encode());
});

it('save leaves the file as it was when writing fails', async () => {
  const calls: string[] = [];
  const failure = new DOMException('The disk is full', 'QuotaExceededError');
  const handle = {
    createWritable: async () => ({
      write: () => Promise.reject(failure),
      close: async () => void calls.push('close'),
      abort: async () => void calls.push('abort'),
    }),
  };
  await expect((await createTrainer()).save(handle)).rejects.toBe(failure);
  expect(calls).toEqual(['abort']);
});

it('save to a path says what a page can do instead', async () => {
  const message =
    "save: expected a FileSystemFileHandle in a page, got 'x'; pass the result of showSaveFilePicker(), or offer the bytes of encode() as a download";
  await expect((await createTrainer()).save('x')).rejects.toThrow(new TypeError(message));
  await using library = await openWorker();
  const remote = new library.Trainer(await library.createBackend('reference'), options());
  await expect(remote.save('x')).rejects.toThrow(new TypeError(message));
});
