/* The host answers every call, also where its result cannot travel. */
import { expect, it } from 'vitest';
import { type Port, serve } from '../../src/worker/host/serve.js';
import { LIBRARY, type ToClient } from '../../src/worker/protocol.js';

it('answers with an error where a result cannot travel', async () => {
  const sent: ToClient[] = [];
  const answered = new Promise<ToClient>((resolve) => {
    const port: Port = {
      onmessage: null,
      postMessage(message) {
        if ('value' in message) throw new DOMException('[…] could not be cloned', 'DataCloneError');
        sent.push(message);
        if (message.type === 'answer') resolve(message);
      },
    };
    serve(port);
    const call = { type: 'call', object: LIBRARY, method: 'data', handles: [] } as const;
    port.onmessage?.({ data: { ...call, id: 7, args: ['noisyLine', { size: 4 }] } });
  });
  expect(await answered).toMatchObject({
    type: 'answer',
    id: 7,
    error: { name: 'DataCloneError', message: '[…] could not be cloned' },
  });
  expect(sent[0]).toEqual({ type: 'ready' });
});
