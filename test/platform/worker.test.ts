/* A worker starts from the first place that works; its messages are delivered from then on. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type PlatformWorker,
  startWorker,
  type WorkerScript,
  type WorkerStart,
} from '../../src/platform/worker.js';

const workers: PlatformWorker[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const worker of workers.splice(0)) await worker.terminate();
});

const port = "const { parentPort } = require('node:worker_threads'); ";

/** @param text the script inside the library; its file is missing unless `file` is given */
function script(text: string, file = ''): WorkerScript {
  return {
    text: async () => port + text,
    url: () =>
      file === ''
        ? new URL('file:///nowhere/handgrad-thread.mjs')
        : new URL(`data:text/javascript,${encodeURIComponent(file)}`),
    open: () => {
      throw new Error('for pages');
    },
  };
}

async function start(made: WorkerScript, setup?: unknown) {
  const messages: unknown[] = [];
  const ends: string[] = [];
  const options: WorkerStart<{ type: string }> = {
    script: made,
    places: ['module', 'file'],
    setup,
    isReady({ type }) {
      if (type === 'refused') throw new Error('not now');
      return type === 'ready';
    },
  };
  const events = {
    onMessage: (message: unknown) => void messages.push(message),
    onEnd: (reason: string) => void ends.push(reason),
  };
  const worker = await startWorker(options, events);
  workers.push(worker);
  return { worker, messages, ends };
}

describe('a worker', () => {
  it('is ready with its own message only, and delivers later ones', async () => {
    const { worker, messages, ends } = await start(
      script(
        "parentPort.postMessage({ type: 'other' }); parentPort.postMessage({ type: 'ready' });" +
          "parentPort.on('message', (message) => { parentPort.postMessage(message); if (message === 'end') process.exit(3) })",
      ),
    );
    expect(worker.isAlive()).toBe(true);
    worker.post('hello', []);
    await vi.waitFor(() => expect(messages).toEqual(['hello']));
    worker.post('end', []);
    await vi.waitFor(() => expect(ends).toEqual(['the worker ended with status 3']));
    expect(worker.isAlive()).toBe(false);
  });

  it('receives the setup first', async () => {
    const { messages } = await start(
      script(
        "parentPort.on('message', (given) => { parentPort.postMessage({ type: 'ready' }); parentPort.postMessage(given) })",
      ),
      { number: 4 },
    );
    await vi.waitFor(() => expect(messages).toEqual([{ number: 4 }]));
  });

  it('starts from the file where the module fails, and names all reasons', async () => {
    const { worker } = await start(
      script(
        "throw new Error('no module')",
        "import { parentPort } from 'node:worker_threads'; parentPort.postMessage({ type: 'ready' }); parentPort.ref()",
      ),
    );
    expect(worker.isAlive()).toBe(true);
    await expect(start(script("parentPort.postMessage({ type: 'refused' })"))).rejects.toThrow(
      /^not now; .*nowhere/,
    );
    await expect(start(script('process.exit(2)'))).rejects.toThrow(
      /^the worker ended with status 2; .*nowhere/,
    );
  });

  it('that is late has no second one beside it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const late = script("setInterval(() => parentPort.postMessage({ type: 'other' }), 1)");
    const url = vi.spyOn(late, 'url');
    const starting = start(late);
    const refused = expect(starting).rejects.toThrow(/^no answer$/);
    // The timer is set after the engine has opened the worker.
    await vi.waitUntil(() => vi.getTimerCount() > 0);
    vi.advanceTimersByTime(20_000);
    await refused;
    expect(url).not.toHaveBeenCalled();
  });
});
