/*
 * Compares the weights after `fit` with those of hand-written loops: gradients from a second
 * trainer, one batch at a time, and the update in plain JavaScript or by `backend.sgd`.
 */
import { describe, expect, it } from 'vitest';
import {
  adam,
  adamW,
  type Backend,
  cosine,
  createBackend,
  type Dataset,
  type History,
  type Optimizer,
  type SgdOptions,
  type State,
  sgd,
  type Trainer,
} from '../../../src/index.js';
import { RandomStream, STREAMS, shuffle } from '../../../src/random/threefry.js';
import { describeOnEachBackend } from '../../backends.js';
import {
  blobs,
  createTrainer,
  differs,
  examplesOf,
  expectCloseState,
  expectSameState,
} from '../fixtures.js';

const exactReference = await createBackend('reference', { precision: 'float64' });

/** The batches of an epoch in the order of the seed's shuffle. */
function batchesOf(dataset: Dataset, batchSize: number, seed: number, epoch: number): Int32Array[] {
  const order = Int32Array.from({ length: dataset.size }, (_, i) => i);
  shuffle(order, new RandomStream(seed, STREAMS.shuffle, epoch));
  const batches: Int32Array[] = [];
  for (let i = 0; i < order.length; i += batchSize) batches.push(order.slice(i, i + batchSize));
  return batches;
}

/** State of a hand-written update for one parameter. */
type Memory = Record<string, Float64Array>;
type Update = (w: number[], dw: ArrayLike<number>, memory: Memory) => void;

/** Applies `update` to every parameter of `trainer`, with the gradients of one batch. */
async function updateByHand(
  trainer: Trainer,
  dataset: Dataset,
  batch: ArrayLike<number>,
  update: Update,
  memories: Map<string, Memory>,
): Promise<void> {
  const { inputs, targets } = examplesOf(dataset, batch);
  const { gradients } = await trainer.gradients(inputs, targets);
  const state: State = await trainer.state();
  for (const [name, { shape, data }] of state) {
    const w = [...data];
    const zeros = () => new Float64Array(w.length);
    const memory = memories.get(name) ?? { v: zeros(), m: zeros(), s: zeros(), t: zeros() };
    memories.set(name, memory);
    update(w, gradients.get(name) as Float32Array, memory);
    state.set(name, { shape, data: Float32Array.from(w) });
  }
  await trainer.loadState(state);
}

/** Trains for some epochs with hand-written updates. */
async function trainByHand(
  trainer: Trainer,
  dataset: Dataset,
  epochs: readonly number[],
  update: Update,
  memories = new Map<string, Memory>(),
): Promise<void> {
  for (const epoch of epochs) {
    for (const batch of batchesOf(dataset, trainer.batchSize, trainer.seed, epoch)) {
      await updateByHand(trainer, dataset, batch, update, memories);
    }
  }
}

describeOnEachBackend('fit', (backend) => {
  // 50 examples in batches of 16: the last one has 2.
  it.each([false, true])(
    'makes the updates of a loop over gradients and sgd, bit for bit (bytes: %s)',
    async (bytes) => {
      const train = blobs({ size: 50, bytes });
      const { normalization } = train;
      const [fitted, byHand] = [
        createTrainer(backend, { seed: 5 }),
        createTrainer(backend, { seed: 5, normalization }),
      ];
      const { examples } = await fitted.fit(train, { epochs: 2 });
      expect(examples).toBe(100);
      for (const epoch of [0, 1]) {
        for (const batch of batchesOf(train, 16, 5, epoch)) {
          const { inputs, targets } = examplesOf(train, batch);
          const { gradients } = await byHand.gradients(inputs, targets);
          const state = await byHand.state();
          for (const [name, { shape, data }] of state) {
            const dw = gradients.get(name) as Float32Array;
            const updated = await backend.sgd(data, dw, { learningRate: 0.1 });
            state.set(name, { shape, data: updated as Float32Array });
          }
          await byHand.loadState(state);
        }
      }
      expectSameState(await fitted.state(), await byHand.state());
    },
  );

  it('computes the same weights, bit for bit, for any number of steps per call', async () => {
    // 1,030 steps per epoch exceed the limit of one call; with onStep, each step is a separate
    // call.
    const train = blobs({ size: 1030 });
    const optimizer = () => sgd({ learningRate: cosine({ rate: 0.05 }), momentum: 0.9 });
    const [chunked, single] = [
      createTrainer(backend, { batchSize: 1, optimizer: optimizer() }),
      createTrainer(backend, { batchSize: 1, optimizer: optimizer() }),
    ];
    const a = await chunked.fit(train, { epochs: 2 });
    const b = await single.fit(train, { epochs: 2, onStep: () => {} });
    expectSameState(await chunked.state(), await single.state());
    const recordsOf = ({ epochs }: History) => epochs.map((record) => ({ ...record, seconds: 0 }));
    expect(recordsOf(a)).toEqual(recordsOf(b));
  });

  it('uses the dataset’s own order with shuffle: false', async () => {
    const train = blobs({ size: 40 });
    const [fitted, byHand] = [createTrainer(backend), createTrainer(backend)];
    await fitted.fit(train, { epochs: 1, shuffle: false });
    const batches = [0, 16, 32].map((start) =>
      Int32Array.from({ length: Math.min(16, 40 - start) }, (_, i) => start + i),
    );
    for (const batch of batches) {
      await updateByHand(byHand, train, batch, sgdByHand({ learningRate: 0.1 }), new Map());
    }
    expectCloseState(await fitted.state(), await byHand.state(), { absolute: 1e-6 });
  });

  it('accepts a dataset of exactly one batch, and batches of one example', async () => {
    const train = blobs({ size: 3 });
    for (const batchSize of [3, 1]) {
      const [fitted, byHand] = [
        createTrainer(backend, { batchSize }),
        createTrainer(backend, { batchSize }),
      ];
      const { examples } = await fitted.fit(train, { epochs: 1 });
      expect(examples).toBe(3);
      await trainByHand(byHand, train, [0], sgdByHand({ learningRate: 0.1 }));
      expectCloseState(await fitted.state(), await byHand.state(), { absolute: 1e-6 });
    }
  });
});

describe('fit', () => {
  const train = blobs({ size: 50 });

  async function expectByHand(optimizer: Optimizer, update: Update) {
    const [fitted, byHand] = [
      createTrainer(exactReference, { optimizer }),
      createTrainer(exactReference),
    ];
    const memories = new Map<string, Memory>();
    // Two runs: the optimizer state, the number of updates and the shuffles must continue.
    for (const epochs of [
      [0, 1],
      [2, 3, 4],
    ]) {
      await fitted.fit(train, { epochs: epochs.length });
      await trainByHand(byHand, train, epochs, update, memories);
      const tolerance = { absolute: 3e-6, relative: 1e-6 };
      expectCloseState(await fitted.state(), await byHand.state(), tolerance);
    }
  }

  it.each<[string, SgdOptions]>([
    ['plain gradient descent', { learningRate: 0.1 }],
    ['weight decay', { learningRate: 0.1, weightDecay: 0.1 }],
    ['momentum', { learningRate: 0.03, momentum: 0.9, weightDecay: 0.01 }],
    ['Nesterov momentum', { learningRate: 0.03, momentum: 0.9, nesterov: true, weightDecay: 0.01 }],
  ])('makes the updates of %s, also across two runs', async (_name, options) => {
    await expectByHand(sgd(options), sgdByHand(options));
  });

  it('computes the updates of Adam, also across two runs', async () => {
    await expectByHand(adam({ learningRate: 0.01, weightDecay: 0.1 }), adamByHand(0.1, 0));
  });

  it('computes the updates of AdamW, also across two runs', async () => {
    await expectByHand(adamW({ learningRate: 0.01, weightDecay: 0.1 }), adamByHand(0, 0.1));
  });
});

describeOnEachBackend('clipNorm', (backend) => {
  /** Weights before and after one step over all examples, and the step's gradients. */
  async function oneStep(clipNorm: number | undefined) {
    const train = blobs({ size: 30 });
    const trainer = createTrainer(backend, { batchSize: 30, clipNorm });
    const before = await trainer.state();
    const { gradients } = await trainer.gradients(train.inputs, train.targets);
    await trainer.fit(train, { epochs: 1, shuffle: false });
    const all = [...gradients.values()].flatMap((dw) => [...dw]);
    return { before, gradients, norm: Math.hypot(...all), after: await trainer.state() };
  }

  it('scales longer gradients to that norm and keeps their direction', async () => {
    const { before, gradients, norm, after } = await oneStep(0.2);
    expect(norm).toBeGreaterThan(0.4);
    const want: State = new Map();
    for (const [name, { shape, data }] of before) {
      const dw = gradients.get(name) as Float32Array;
      want.set(name, { shape, data: data.map((w, i) => w - 0.1 * (0.2 / norm) * dw[i]) });
    }
    expectCloseState(after, want, { absolute: 1e-6 });
  });

  it('does not change shorter gradients, bit for bit', async () => {
    const [limited, free] = [await oneStep(100), await oneStep(undefined)];
    expectSameState(limited.after, free.after);
    expect(differs(free.after, free.before)).toBe(true);
  });
});

describeOnEachBackend('schedules', (backend: Backend) => {
  it('set the learning rate of every update', async () => {
    const train = blobs({ size: 50 });
    const schedule = cosine({ rate: 0.2, minimum: 0.01 });
    const [fitted, byHand] = [
      createTrainer(backend, { optimizer: sgd({ learningRate: schedule }) }),
      createTrainer(backend),
    ];
    const rates: number[] = [];
    const { epochs } = await fitted.fit(train, {
      epochs: 3,
      onStep: ({ learningRate }) => rates.push(learningRate),
    });
    const want = Array.from({ length: 12 }, (_, step) => schedule.at(step, 12, 4));
    expect(rates).toEqual(want);
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([want[3], want[7], want[11]]);

    let step = 0;
    for (const epoch of [0, 1, 2]) {
      for (const batch of batchesOf(train, 16, 0, epoch)) {
        const update = sgdByHand({ learningRate: want[step++] });
        await updateByHand(byHand, train, batch, update, new Map());
      }
    }
    expectCloseState(await fitted.state(), await byHand.state(), { absolute: 3e-6 });
  });

  it('receive the number of steps of the run, and restart with the next run', async () => {
    const steps: number[][] = [];
    const learningRate = {
      description: { name: 'recording', options: {} },
      at(...step: number[]) {
        steps.push(step);
        return 0.1;
      },
    };
    const trainer = createTrainer(backend, { optimizer: sgd({ learningRate }) });
    await trainer.fit(blobs({ size: 40 }), { epochs: 2, onStep: () => {} });
    await trainer.fit(blobs({ size: 20 }), { epochs: 1, onStep: () => {} });
    const first = [0, 1, 2, 3, 4, 5].map((step) => [step, 6, 3]);
    expect(steps).toEqual([...first, [0, 2, 2], [1, 2, 2]]);
  });
});

function sgdByHand(options: SgdOptions): Update {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  const rate = options.learningRate as number;
  return (w, dw, { v }) => {
    for (let i = 0; i < w.length; i++) {
      const g = dw[i] + weightDecay * w[i];
      v[i] = momentum * v[i] + g;
      w[i] -= rate * (nesterov ? g + momentum * v[i] : v[i]);
    }
  };
}

/** Adam with learning rate 0.01 and coupled weight decay, decoupled weight decay, or none. */
function adamByHand(joined: number, decoupled: number): Update {
  return (w, dw, { m, s, t }) => {
    for (let i = 0; i < w.length; i++) {
      t[i] += 1;
      const g = dw[i] + joined * w[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      s[i] = 0.999 * s[i] + 0.001 * g * g;
      w[i] -= 0.01 * decoupled * w[i];
      const [mean, square] = [m[i] / (1 - 0.9 ** t[i]), s[i] / (1 - 0.999 ** t[i])];
      w[i] -= (0.01 * mean) / (Math.sqrt(square) + 1e-8);
    }
  };
}
