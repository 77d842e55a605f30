import { describe, expect, it } from 'vitest';
import { dropout, formatDescription, linear, sequential } from '../../src/index.js';
import { expectGradient } from '../../src/layers/layer.js';
import { createStepState, stateWords } from '../../src/ops/step-state.js';
import { STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { blobs, createTrainer, differs, expectSameState } from '../training/fixtures.js';
import { appendLayer } from './append-layer.js';

const { state } = createStepState();
const training = (seed = 3) => new Step({ seed, state, updatesStatistics: true });

/** Numbers that dropout scales exactly. */
const SIZE = 64;
const ones = new Float32Array(SIZE).fill(1);

describe('dropout', () => {
  it('takes any input and has no parameters', () => {
    const layer = dropout(0.25);
    expect(formatDescription(layer.description)).toBe('dropout(0.25)');
    expect(layer.input).toBe('any');
    expect(layer.parameters).toEqual([]);
    expect(layer.forward(training(), persistent('x', [5, 4, 3])).y.shape).toEqual([5, 4, 3]);
  });

  it('refuses a p outside [0, 1)', () => {
    for (const p of [-0.1, 1, Number.NaN]) {
      expect(() => dropout(p)).toThrow(
        new RangeError(`dropout: expected p from 0 to below 1, got ${p}`),
      );
    }
  });

  it('returns x and dy unchanged in evaluation, also after a training step', () => {
    const layer = dropout(0.5);
    const [x, dy] = [persistent('x', [5, 4]), persistent('dy', [5, 4])];
    appendLayer(layer, training(), x, dy);
    const { y, backward } = layer.forward(new Step(), x);
    expect(y).toBe(x);
    expect(backward(dy)).toBe(dy);
  });

  it('numbers its streams in the order of forward, the same in every step', () => {
    const model = sequential(dropout(0.5), sequential(dropout(0.25), dropout(0.1)));
    for (const seed of [3, 4]) {
      const step = training(seed);
      appendLayer(model, step, persistent('x', [5, 4]), persistent('dy', [5, 4]));
      const attributes = [0.5, 0.25, 0.1].map((p, d) => ({ seed, stream: STREAMS.dropout + d, p }));
      expect(step.calls.map((call) => call.attributes)).toEqual([
        ...attributes,
        ...attributes.toReversed(),
      ]);
    }
  });
});

describeOnEachBackend('dropout layer', (backend) => {
  it('drops different numbers in every step and layer, and their gradients with them', async () => {
    const [first, second] = [dropout(0.5), dropout(0.5)];
    const step = training();
    const [x, dy] = [persistent('x', [SIZE]), persistent('dy', [SIZE])];
    const { y: y1, backward } = first.forward(step, x);
    const { y: y2 } = second.forward(step, x);
    const dx1 = expectGradient(first, backward(dy));
    for (const result of [y1, y2, dx1]) step.keep(result);

    await backend.exclusive(async () => {
      const { runtime } = backend;
      const executable = await runtime.compile(step);
      runtime.write(x, ones);
      runtime.write(dy, ones);
      const seen: string[] = [];
      for (const update of [1, 2]) {
        runtime.write(state, stateWords(update, 0));
        await executable.run(1);
        const [mask1, mask2] = [await runtime.read(y1), await runtime.read(y2)];
        for (const mask of [mask1, mask2]) {
          expect(new Set(mask)).toEqual(new Set([0, 2]));
          seen.push(String(mask));
        }
        expect(await runtime.read(dx1)).toEqual(mask1);
      }
      expect(new Set(seen).size).toBe(4);
    });
  });

  const model = () => sequential(linear(4, 32), dropout(0.5), linear(32, 3), dropout(0.1));
  const create = (seed = 0) => createTrainer(backend, { model: model(), seed });
  const train = blobs({ size: 50 });

  it('resumes a stopped run with the same bits as a run without a break', async () => {
    const whole = create();
    await whole.fit(train, { epochs: 2 });
    for (const updates of [2, 4, 5]) {
      const [stopped, resumed] = [create(), create()];
      await stopped.fit(train, { epochs: 2, onStep: ({ step }) => step < updates });
      await resumed.restore(await stopped.checkpoint());
      await resumed.fit(train, { epochs: 2, resume: true });
      expectSameState(await resumed.state(), await whole.state());
    }
  });

  it('changes training, but neither evaluation nor prediction', async () => {
    const [plain, dropping] = [
      createTrainer(backend, { model: sequential(linear(4, 3)) }),
      createTrainer(backend, { model: sequential(linear(4, 3), dropout(0.5)) }),
    ];
    const { inputs } = train;
    expect(await dropping.predict(inputs)).toEqual(await plain.predict(inputs));
    expect(await dropping.evaluate(train)).toEqual(await plain.evaluate(train));
    for (const trainer of [plain, dropping]) await trainer.fit(train, { epochs: 1 });
    expect(differs(await dropping.state(), await plain.state())).toBe(true);
  });
});
