/**
 * Trains for long: a million steps of `mlp`, and 20,000 of a small convolutional network with validation
 * and checkpoints, half of which are repeated from a checkpoint on another number of threads. Fails when
 * memory grows, steps become slower, a loss is not finite, or the repeated half has other bits.
 *
 *   npm run soak                                    # minutes
 *   npm run soak -- --out bench/results/soak.json
 *   npm run soak -- --share 0.01                    # a hundredth of the steps
 */

import { writeFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { describeEnvironment } from '../dist/bench/library.mjs';
import { loadMnist, syntheticDigits, take } from '../dist/data.js';
import {
  adam,
  conv2d,
  createBackend,
  decodeSafetensors,
  dropout,
  encodeSafetensors,
  flatten,
  linear,
  maxPool2d,
  onImages,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
} from '../dist/index.js';

const MIB = 2 ** 20;
/** By how much memory after a tenth of the steps may be exceeded later. */
const SLACK_MIB = 24;
/** How much slower the steps of the last tenth may be than those of the first, in the median. */
const SLOWER = 1.5;

const { values: options } = parseArgs({
  options: {
    out: { type: 'string' },
    share: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
  },
});
const share = Number(options.share);
const threads = Number(options.threads);

const digits = process.env.HANDGRAD_MNIST
  ? await loadMnist()
  : syntheticDigits({ trainSize: 60_000, testSize: 10_000 });
const few = { train: take(digits.train, 10_000), test: take(digits.test, 2000) };

const runs = [await soakMlp(Math.ceil(1e6 * share)), await soakConv(Math.ceil(2e4 * share))];
const report = { environment: describeEnvironment(), data: digits.train.name, threads, runs };
console.log(JSON.stringify(report, null, 2));
if (options.out) await writeFile(options.out, `${JSON.stringify(report, null, 2)}\n`);
const faults = runs.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`));
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;

async function soakMlp(steps) {
  const backend = await createBackend('wasm', { threads });
  const model = sequential(linear(784, 30), relu(), linear(30, 10));
  const optimizer = sgd({ learningRate: 0.1 });
  const trainer = new Trainer(backend, {
    model,
    loss: softmaxCrossEntropy(),
    optimizer,
    batchSize: 64,
  });
  const epochs = epochsOf(steps, digits.train, trainer);
  const run = await soak('mlp', trainer, digits.train, { epochs });
  await backend.close();
  return run;
}

async function soakConv(steps) {
  const backend = await createBackend('wasm', { threads });
  const trainer = smallConv(backend);
  const epochs = epochsOf(steps, few.train, trainer);
  const middle = Math.ceil(epochs / 2);
  let saved;
  let checkpoints = 0;
  const onEpoch = async ({ epoch }) => {
    const { tensors, metadata } = await trainer.checkpoint();
    const bytes = encodeSafetensors(tensors, metadata);
    checkpoints++;
    if (epoch === middle) saved = bytes;
  };
  const run = await soak('conv', trainer, few.train, { epochs, validation: few.test, onEpoch });

  const other = await createBackend('wasm', { threads: threads + 1 });
  const repeated = smallConv(other);
  await repeated.restore(decodeSafetensors(saved));
  await repeated.fit(few.train, { epochs, resume: true });
  const hasSameBits = Buffer.from(await trainer.encode()).equals(await repeated.encode());
  await backend.close();
  await other.close();
  if (!hasSameBits) run.faults.push(`expected the same bits on ${threads + 1} threads, got others`);
  return { ...run, checkpoints, hasSameBitsOnOtherThreads: hasSameBits };
}

function smallConv(backend) {
  const model = onImages(
    { channels: 1, height: 28, width: 28 },
    sequential(
      conv2d(1, 8, 3),
      maxPool2d(2),
      relu(),
      conv2d(8, 16, 3),
      maxPool2d(2),
      relu(),
      flatten(),
      dropout(0.25),
      linear(400, 10),
    ),
  );
  const optimizer = adam({ learningRate: 1e-3 });
  return new Trainer(backend, { model, loss: softmaxCrossEntropy(), optimizer, batchSize: 32 });
}

/** Trains, and measures memory and time of every epoch. */
async function soak(name, trainer, data, { onEpoch, ...settings }) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const samples = [];
  const began = performance.now();
  delay.enable();
  const measure = async (record) => {
    await onEpoch?.(record);
    globalThis.gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    const { seconds, trainLoss, validAccuracy } = record;
    samples.push({ rss: rss / MIB, heap: heapUsed / MIB, seconds, trainLoss, validAccuracy });
  };
  await trainer.fit(data, { ...settings, onEpoch: measure });
  delay.disable();
  const seconds = (performance.now() - began) / 1000;

  const tenth = Math.ceil(samples.length / 10);
  const [start, later] = [samples.slice(0, tenth), samples.slice(tenth)];
  const most = (of, key) => Math.max(...of.map((sample) => sample[key]));
  const speed = (of) => median(of.map((sample) => sample.seconds));
  const slowdown = speed(samples.slice(-tenth)) / speed(start);
  const growth = most(later, 'rss') - most(start, 'rss');
  const { trainLoss, validAccuracy } = samples[samples.length - 1];
  const faults = [];
  if (!samples.every((sample) => Number.isFinite(sample.trainLoss)))
    faults.push('a loss is not finite');
  if (growth > SLACK_MIB) faults.push(`memory grew by ${growth.toFixed(1)} MiB`);
  if (slowdown > SLOWER) faults.push(`steps became ${slowdown.toFixed(2)} times slower`);
  return {
    name,
    steps: samples.length * Math.ceil(data.size / trainer.batchSize),
    seconds: rounded(seconds),
    lossOfFirstEpoch: rounded(samples[0].trainLoss),
    lossOfLastEpoch: rounded(trainLoss),
    ...(validAccuracy !== undefined && { validAccuracy }),
    slowdownOfLastTenth: rounded(slowdown),
    rssMiB: { firstTenth: rounded(most(start, 'rss')), later: rounded(most(later, 'rss')) },
    heapMiB: { firstTenth: rounded(most(start, 'heap')), later: rounded(most(later, 'heap')) },
    longestTurnMilliseconds: rounded(delay.max / 1e6),
    medianTurnMilliseconds: rounded(delay.percentile(50) / 1e6),
    faults,
  };
}

function epochsOf(steps, { size }, { batchSize }) {
  return Math.max(2, Math.ceil(steps / Math.ceil(size / batchSize)));
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function rounded(value) {
  return Number(value.toPrecision(4));
}
