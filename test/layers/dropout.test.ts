import { describe, expect, it } from 'vitest';
import { dropout, linear, sequential } from '../../src/index.js';
import { createStepState, stateWords } from '../../src/ops/step-state.js';
import { STREAMS } from '../../src/random/threefry.js';
import { Step } from '../../src/step.js';
import { persistent } from '../../src/tensor.js';
import { describeOnEachBackend } from '../backends.js';
import { blobs, createTrainer, differs, expectSameState } from '../training/fixtures.js';

const { state } = createStepState();
const training = (seed = 3) => new Step({ seed, state, updatesStatistics: true });

/** Numbers that dropout scales exactly. */
const SIZE = 64;
const ones = new Float32Array(SIZE).fill(1);

describe('dropout', () => {
  it('takes any number of features and has no parameters', () => {
    const layer = dropout(0.25);
    expect(layer.description).toBe('dropout(0.25)');
    expect(layer.features).toBeUndefined();
    expect(layer.parameters).toEqual([]);
    expect(layer.forward(training(), persistent('x', [5, 4, 3])).shape).toEqual([5, 4, 3]);
  });

  it('refuses a p that is no probability below 1', () => {
    for (const p of [-0.1, 1, Number.NaN]) {
      expect(() => dropout(p)).toThrow(
        new RangeError(`dropout: expected p from 0 to below 1, got ${p}`),
      );
    }
  });

  it('hands everything on where nothing is trained, also after a step that trained', () => {
    const layer = dropout(0.5);
    const [x, dy] = [persistent('x', [5, 4]), persistent('dy', [5, 4])];
    layer.backward(training(), layer.forward(training(), x));
    const step = new Step();
    expect(layer.forward(step, x)).toBe(x);
    expect(layer.backward(step, dy)).toBe(dy);
  });

  it('has a stream of its own for each place in a model, the same in every step', () => {
    const model = sequential(dropout(0.5), sequential(dropout(0.25), dropout(0.1)));
    for (const seed of [3, 4]) {
      const step = training(seed);
      const y = model.forward(step, persistent('x', [5, 4]));
      step.keep(model.backward(step, y));
      const attributes = [0.5, 0.25, 0.1].map((p, d) => ({ seed, stream: STREAMS.dropout + d, p }));
      expect(step.calls.map((call) => call.attributes)).toEqual([
        ...attributes,
        ...attributes.toReversed(),
      ]);
    }
  });
});

describeOnEachBackend('dropout layer', (backend) => {
  it('drops other numbers in every step and layer, and their gradients with them', async () => {
    const [first, second] = [dropout(0.5), dropout(0.5)];
    const step = training();
    const [x, dy] = [persistent('x', [SIZE]), persistent('dy', [SIZE])];
    const y1 = first.forward(step, x);
    const y2 = second.forward(step, x);
    const dx1 = first.backward(step, dy);
    for (const result of [y1, y2, dx1]) step.keep(result);

    await backend.exclusive(async () => {
      const { device } = backend;
      const executable = await device.compile(step);
      device.write(x, ones);
      device.write(dy, ones);
      const seen: string[] = [];
      for (const update of [1, 2]) {
        device.write(state, stateWords(update, 0));
        await executable.run(1);
        const [mask1, mask2] = [await device.read(y1), await device.read(y2)];
        for (const mask of [mask1, mask2]) {
          expect(new Set(mask)).toEqual(new Set([0, 2]));
          seen.push(String(mask));
        }
        expect(await device.read(dx1)).toEqual(mask1);
      }
      expect(new Set(seen).size).toBe(4);
    });
  });

  const model = () => sequential(linear(4, 32), dropout(0.5), linear(32, 3), dropout(0.1));
  const create = (seed = 0) => createTrainer(backend, { model: model(), seed });
  const train = blobs({ size: 50 });

  it('goes on after a break as a run without one, bit for bit', async () => {
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

  it('changes training, and neither evaluation nor prediction', async () => {
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
