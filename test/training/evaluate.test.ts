import { describe, expect, it, vi } from 'vitest';
import {
  binaryCrossEntropy,
  createBackend,
  type Dataset,
  linear,
  mnistLoss,
  type State,
  sequential,
  squaredError,
} from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { expectClose } from '../values.js';
import { blobs, CLASSES, createTrainer, FEATURES, plane } from './fixtures.js';

const wasm = await createBackend('wasm');

/** x·W + b of each example in float64, from the state of one linear layer. */
function outputsOf(state: State, { inputs, size, features, normalization }: Dataset): number[][] {
  const { mean, std } = normalization;
  const isBytes = inputs instanceof Uint8Array;
  const [W, b] = [state.get('0.weight')?.data ?? [], state.get('0.bias')?.data ?? []];
  return Array.from({ length: size }, (_, n) =>
    Array.from(b, (bias, o) => {
      let sum = bias;
      for (let f = 0; f < features; f++) {
        const value = inputs[n * features + f];
        sum += W[o * features + f] * (isBytes ? (value / 255 - mean) / std : value);
      }
      return sum;
    }),
  );
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const near = { relative: 1e-5 };

describeOnEachBackend('evaluate', (backend) => {
  // Several chunks of full batches, exactly one batch, less than one, and smaller last batches.
  it.each([1, 100, 256, 257, 700, 4500])(
    'agrees with plain JavaScript on %s examples',
    async (size) => {
      const trainer = createTrainer(backend, { model: sequential(linear(FEATURES, CLASSES)) });
      for (const dataset of [blobs({ size }), blobs({ size, bytes: true })]) {
        const logits = outputsOf(await trainer.state(), dataset);
        const losses = logits.map((z, n) => {
          const sum = z.reduce((total, logit) => total + Math.exp(logit), 0);
          return Math.log(sum) - z[dataset.targets[n]];
        });
        const confusion = new Int32Array(CLASSES * CLASSES);
        logits.forEach((z, n) => {
          confusion[dataset.targets[n] * CLASSES + z.indexOf(Math.max(...z))]++;
        });
        const rows = [0, 1, 2].map((t) => [...confusion.subarray(3 * t, 3 * t + 3)]);
        const recalls = rows.flatMap((row, t) => {
          const total = row[0] + row[1] + row[2];
          return total === 0 ? [] : [row[t] / total];
        });

        const got = await trainer.evaluate(dataset, { confusion: true });
        expectClose('loss', [got.loss], [mean(losses)], near);
        expect(got.confusion).toEqual(confusion);
        expect(got.accuracy).toBe((rows[0][0] + rows[1][1] + rows[2][2]) / size);
        expectClose('balanced accuracy', [got.balancedAccuracy], [mean(recalls)], near);
      }
    },
  );

  it('classifies by the sign of the logit for a binary loss', async () => {
    const dataset = blobs({ size: 300, classes: 2 });
    const losses = {
      binaryCrossEntropy: (z: number, t: number) => Math.log1p(Math.exp(t === 1 ? -z : z)),
      mnistLoss: (z: number, t: number) => 1 / (1 + Math.exp(t === 1 ? z : -z)),
    };
    for (const loss of [binaryCrossEntropy(), mnistLoss()]) {
      const trainer = createTrainer(backend, { model: sequential(linear(FEATURES, 1)), loss });
      const logits = outputsOf(await trainer.state(), dataset).map(([z]) => z);
      const confusion = new Int32Array(4);
      logits.forEach((z, n) => {
        confusion[2 * dataset.targets[n] + (z > 0 ? 1 : 0)]++;
      });
      const lossOf = losses[loss.description.name as keyof typeof losses];
      const got = await trainer.evaluate(dataset, { confusion: true });
      expect(got.confusion).toEqual(confusion);
      expect(got.accuracy).toBe((confusion[0] + confusion[3]) / 300);
      const want = mean(logits.map((z, n) => lossOf(z, dataset.targets[n])));
      expectClose(loss.description.name, [got.loss], [want], near);
    }
  });

  it('returns the mean or the sum of squared errors for regression, without accuracy', async () => {
    const dataset = plane({ size: 300 });
    for (const reduction of ['mean', 'sum'] as const) {
      const model = sequential(linear(2, 1));
      const trainer = createTrainer(backend, { model, loss: squaredError({ reduction }) });
      const outputs = outputsOf(await trainer.state(), dataset);
      const squares = outputs.map(([y], n) => (y - dataset.targets[n]) ** 2);
      const want = reduction === 'mean' ? mean(squares) : 300 * mean(squares);
      const got = await trainer.evaluate(dataset, { confusion: true });
      expectClose(reduction, [got.loss], [want], near);
      expect([got.accuracy, got.balancedAccuracy]).toEqual([NaN, NaN]);
      expect(got.confusion).toEqual(new Int32Array(0));
    }
  });
});

describe('evaluate', () => {
  it('averages balanced accuracy over the classes that occur in the data', async () => {
    const trainer = createTrainer(wasm);
    const all = blobs({ size: 60 });
    const dataset = { ...all, targets: all.targets.map(() => 2) };
    const { accuracy, balancedAccuracy, confusion } = await trainer.evaluate(dataset, {
      confusion: true,
    });
    expect(balancedAccuracy).toBe(accuracy);
    expect(confusion.subarray(0, 6)).toEqual(new Int32Array(6));
    expect(confusion[6] + confusion[7] + confusion[8]).toBe(60);
  });

  it('returns the same result when repeated or run concurrently', async () => {
    const trainer = createTrainer(wasm);
    const [a, b] = [blobs({ size: 5000 }), blobs({ size: 300, seed: 1 })];
    const [onA, onB] = [await trainer.evaluate(a), await trainer.evaluate(b)];
    expect(await Promise.all([trainer.evaluate(a), trainer.evaluate(b)])).toEqual([onA, onB]);
  });

  it('counts 8,000 classes without a matrix of their pairs', async () => {
    const classes = 8000;
    const size = 600;
    const targets = Int32Array.from({ length: size }, (_, n) => (n * 37) % classes);
    const dataset: Dataset = { ...blobs({ size }), targets, classes };
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
    await using backend = await createBackend('wasm', { threads: 1 });
    const model = sequential(linear(FEATURES, classes));
    const trainer = createTrainer(backend, { model });
    const { accuracy, balancedAccuracy, confusion } = await trainer.evaluate(dataset);
    const pages = grow.mock.calls.reduce((sum, [count]) => sum + count, 0);
    vi.restoreAllMocks();
    // The confusion counts alone would take 244 MiB; a batch of logits takes 8.
    expect(pages / 16, 'MiB').toBeLessThan(64);
    expect(confusion).toBeUndefined();
    const probabilities = await trainer.predict(dataset.inputs);
    const right = Array.from(targets, (target, n) => {
      const row = probabilities.subarray(n * classes, (n + 1) * classes);
      return Number(row.indexOf(Math.max(...row)) === target);
    });
    expect(accuracy).toBe(mean(right));
    // Every class that occurs has one example.
    expect(balancedAccuracy).toBe(accuracy);
  });

  it('refuses unknown options', async () => {
    const evaluating = createTrainer(wasm).evaluate(blobs(), { matrix: true } as object);
    await expect(evaluating).rejects.toThrow(
      'evaluate: expected the options confusion, got matrix',
    );
  });
});
