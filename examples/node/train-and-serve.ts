/**
 * A server that answers while it learns: a worker trains, and this thread predicts with the weights of the
 * latest epoch.
 *
 *   npm run build && npx tsx examples/node/train-and-serve.ts [PORT]
 *   curl -s localhost:8000/example | curl --data-binary @- localhost:8000/predict
 *
 * `/example` is an image of a digit, and `/predict` takes one: 784 bytes in rows, 0 for background, 255 for ink.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createBackend,
  linear,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
} from 'handgrad';
import { openWorker } from 'handgrad/worker';

/** Pixels of an image. */
const PIXELS = 28 * 28;

/** The settings of the trainer in the worker, and of the one that predicts here. */
const options = () => ({
  model: sequential(linear(784, 100), relu(), linear(100, 10)),
  loss: softmaxCrossEntropy(),
  optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
  batchSize: 64,
});

const library = await openWorker();
const { train, test } = await library.syntheticDigits();
const learner = new library.Trainer(await library.createBackend('auto'), options());
// One thread: the images of a request are few.
const predictor = new Trainer(await createBackend('wasm', { threads: 1 }), {
  ...options(),
  normalization: train.normalization,
});
let epochs = 0;

const server = createServer(async (request, response) => {
  try {
    if (request.url === '/example') {
      response.end(test.inputs.subarray(0, PIXELS));
      return;
    }
    if (request.method !== 'POST' || request.url !== '/predict') {
      response.writeHead(404).end();
      return;
    }
    const image = await bodyOf(request);
    if (image.length !== PIXELS) {
      response.writeHead(400).end(`predict: expected ${PIXELS} bytes, got ${image.length}`);
      return;
    }
    const probabilities = await predictor.predict(image);
    const digit = probabilities.indexOf(Math.max(...probabilities));
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ digit, probabilities: [...probabilities], epochs }));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
});

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

server.listen(Number(process.argv[2] ?? 8000), () => {
  console.log(`http://localhost:${(server.address() as AddressInfo).port}/predict`);
});

await learner.fit(train, {
  epochs: 30,
  validation: test,
  onEpoch: async ({ epoch, validAccuracy = 0 }) => {
    await predictor.loadState(await learner.state());
    epochs = epoch;
    console.log(`epoch ${epoch}: accuracy ${(100 * validAccuracy).toFixed(1)} %`);
  },
});
await library.close();
