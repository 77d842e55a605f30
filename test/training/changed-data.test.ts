/* Data that changes between and during runs: the copy on the backend is replaced, or an error says why not. */
import { describe, expect, it } from 'vitest';
import { fingerprintOf, sameFingerprint } from '../../src/data/fingerprint.js';
import { take, touch } from '../../src/data/index.js';
import {
  createBackend,
  DataError,
  type Dataset,
  linear,
  type Schedule,
  ShapeError,
  sequential,
  sgd,
  squaredError,
  TrainingError,
} from '../../src/index.js';
import { describeOnEachBackend } from '../backends.js';
import { expectSameBits } from '../values.js';
import { blobs, createTrainer, expectSameState, plane } from './fixtures.js';

const wasm = await createBackend('wasm');

/** A dataset whose fields can be changed. */
type Changeable = { -readonly [Key in keyof Dataset]: Dataset[Key] };

const changeable = (options?: Parameters<typeof blobs>[0]): Changeable => blobs(options);

/** Ways in which the labels or inputs of a dataset change. */
const CHANGES: [title: string, change: (dataset: Changeable) => void][] = [
  [
    'all labels changed in place',
    (dataset) =>
      dataset.targets.forEach((t, i) => {
        dataset.targets[i] = (t + 1) % 3;
      }),
  ],
  [
    'one label changed in place',
    ({ targets }) => {
      targets[17] = (targets[17] + 1) % 3;
    },
  ],
  [
    'inputs changed in place',
    ({ inputs }) =>
      inputs.forEach((x, i) => {
        inputs[i] = -x;
      }),
  ],
  [
    'other targets',
    (dataset) => {
      dataset.targets = dataset.targets.map((t) => (t + 1) % 3);
    },
  ],
  [
    'other inputs',
    (dataset) => {
      dataset.inputs = dataset.inputs.map((x) => -x);
    },
  ],
  [
    'inputs as bytes',
    (dataset) => {
      Object.assign(dataset, blobs({ bytes: true }));
    },
  ],
  [
    'more examples',
    (dataset) => {
      Object.assign(dataset, blobs({ size: 130, seed: 3 }));
    },
  ],
  [
    'fewer examples',
    (dataset) => {
      Object.assign(dataset, blobs({ size: 37, seed: 3 }));
    },
  ],
];

describeOnEachBackend('fit and evaluate', (backend) => {
  it.each(CHANGES)('use the new data after %s', async (_title, change) => {
    const dataset = changeable();
    const [trainer, fresh] = [createTrainer(backend), createTrainer(backend)];
    await trainer.evaluate(dataset);
    await trainer.fit(dataset, { epochs: 1 });
    await fresh.loadState(await trainer.state());
    change(dataset);
    const copy = { ...dataset, inputs: dataset.inputs.slice(), targets: dataset.targets.slice() };
    expect(await trainer.evaluate(dataset)).toEqual(await fresh.evaluate(copy));
    const [again, other] = [createTrainer(backend), createTrainer(backend)];
    await again.fit(dataset, { epochs: 1 });
    change(dataset);
    const changed = {
      ...dataset,
      inputs: dataset.inputs.slice(),
      targets: dataset.targets.slice(),
    };
    await other.loadState(await again.state());
    await again.fit(dataset, { epochs: 1, shuffle: false });
    await other.fit(changed, { epochs: 1, shuffle: false });
    expectSameState(await again.state(), await other.state());
  });

  it('use the data of each epoch when onEpoch changes it', async () => {
    const dataset = changeable();
    const trainer = createTrainer(backend);
    const negate = ({ inputs }: Dataset) =>
      inputs.forEach((x, i) => {
        inputs[i] = -x;
      });
    await trainer.fit(dataset, { epochs: 3, shuffle: false, onEpoch: () => negate(dataset) });

    const other = createTrainer(backend);
    const [even, odd] = [changeable(), changeable()];
    negate(odd);
    for (const data of [even, odd, even]) await other.fit(data, { epochs: 1, shuffle: false });
    expectSameState(await trainer.state(), await other.state());
  });
});

/** A dataset too large for every value to be sampled, and the index of a value that is not. */
async function largeDataset() {
  const dataset: Changeable = { ...plane({ size: 60_000 }), targets: new Float32Array(60_000) };
  const regression = { model: sequential(linear(2, 1)), loss: squaredError() };
  const trainer = createTrainer(wasm, regression);
  const { loss } = await trainer.evaluate(dataset);
  // Some values are sampled, so that several are tried.
  for (let i = 1000; ; i++) {
    dataset.inputs[i] += 1000;
    if ((await trainer.evaluate(dataset)).loss === loss) return { dataset, trainer, loss };
  }
}

describe('touch', () => {
  it('reports a change that no sample shows', async () => {
    const { dataset, trainer, loss } = await largeDataset();
    touch(dataset);
    expect((await trainer.evaluate(dataset)).loss).toBeGreaterThan(1.001 * loss);
  });

  it('reports changes of datasets that share the arrays', async () => {
    const { dataset, trainer } = await largeDataset();
    const view = take(dataset, dataset.size - 1);
    const { loss } = await trainer.evaluate(view);
    const before = dataset.inputs.slice();
    let unseen = 1000;
    for (; ; unseen++) {
      dataset.inputs[unseen] -= 1e4;
      if ((await trainer.evaluate(view)).loss === loss) break;
      dataset.inputs.set(before);
    }
    touch(dataset);
    expect((await trainer.evaluate(view)).loss).toBeGreaterThan(1.001 * loss);
  });

  it('reports changed targets of datasets that share them alone', () => {
    const dataset = plane({ size: 10 });
    const other = { ...dataset, inputs: dataset.inputs.slice() };
    const before = fingerprintOf(other);
    expect(sameFingerprint(fingerprintOf(other), before)).toBe(true);
    touch(dataset);
    expect(sameFingerprint(fingerprintOf(other), before)).toBe(false);
  });
});

describe('evaluate and fit', () => {
  it('refuse a size beyond the arrays', async () => {
    const dataset = changeable({ size: 50 });
    const trainer = createTrainer(wasm);
    await trainer.fit(dataset, { epochs: 1 });
    const before = await trainer.state();
    dataset.size = 80;
    const error = new ShapeError('dataset blobs: expected 80 × 4 = 320 inputs, got 200');
    await expect(trainer.evaluate(dataset)).rejects.toThrow(error);
    await expect(trainer.fit(dataset, { epochs: 1 })).rejects.toThrow(error);
    expectSameState(await trainer.state(), before);
    dataset.size = 50;
    expect((await trainer.evaluate(dataset, { confusion: true })).confusion).toHaveLength(9);
  });

  it('refuse values that became invalid', async () => {
    const dataset = changeable();
    const trainer = createTrainer(wasm);
    const { loss } = await trainer.evaluate(dataset);
    const [value] = dataset.inputs;
    dataset.inputs[0] = NaN;
    await expect(trainer.evaluate(dataset)).rejects.toThrow(DataError);
    dataset.inputs[0] = value;
    expect((await trainer.evaluate(dataset)).loss).toBe(loss);
  });
});

describe('fit', () => {
  it('refuses another number of examples during a run', async () => {
    const dataset = changeable({ size: 50 });
    const run = createTrainer(wasm).fit(dataset, {
      epochs: 3,
      onEpoch: () => {
        Object.assign(dataset, blobs({ size: 70 }));
      },
    });
    await expect(run).rejects.toThrow(
      new ShapeError(
        'fit: expected blobs to keep 50 examples of 3 classes during a run, got 70 of 3; call fit again',
      ),
    );
  });

  it('keeps to its number of examples within an epoch', async () => {
    const dataset = changeable({ size: 50 });
    const trainer = createTrainer(wasm);
    const { examples, epochs } = await trainer.fit(dataset, {
      epochs: 1,
      onStep: () => {
        dataset.size = 1000;
      },
    });
    expect([examples, epochs.length]).toEqual([50, 1]);
    const other = createTrainer(wasm);
    await other.fit(blobs({ size: 50 }), { epochs: 1 });
    expectSameState(await trainer.state(), await other.state());
  });

  it('refuses a change of data that validationSplit has copied', async () => {
    const dataset = changeable();
    const run = createTrainer(wasm).fit(dataset, {
      epochs: 3,
      validationSplit: 0.2,
      onEpoch: () => {
        dataset.targets.fill(0);
      },
    });
    await expect(run).rejects.toThrow(
      new TrainingError(
        'fit: expected blobs unchanged during a run with validationSplit, which copies it, got a change; change the parts that split returns',
      ),
    );
  });

  it('evaluates changed validation data after every epoch', async () => {
    const validation = changeable({ seed: 1 });
    const trainer = createTrainer(wasm);
    const { epochs } = await trainer.fit(blobs(), {
      epochs: 2,
      validation,
      onEpoch: ({ epoch }) => {
        if (epoch === 1) validation.targets.fill(2);
      },
    });
    expect(epochs[1].validLoss).toBe(
      (await trainer.evaluate({ ...blobs({ seed: 1 }), targets: new Int32Array(100).fill(2) }))
        .loss,
    );
  });
});

/** A learning rate with which one step, counted from 0, makes the weights infinite. */
const overflowAt = (last: number): Schedule => ({
  description: { name: 'overflow', options: {} },
  at: (step) => (step === last ? 3e38 : 0.01),
});

describeOnEachBackend('fit that diverges after its data has changed', (backend) => {
  const train = () => {
    const data: Changeable = plane({ size: 62 });
    const trainer = createTrainer(backend, {
      model: sequential(linear(2, 1)),
      loss: squaredError(),
      optimizer: sgd({ learningRate: 3, momentum: 0.5 }),
    });
    return { data, trainer };
  };
  const grow = ({ inputs }: Dataset) =>
    inputs.forEach((x, i) => {
      inputs[i] = 1.5 * x;
    });

  it.each([
    ['at the end of the epoch', false],
    ['by evaluate', true],
  ])('keeps the last good weights, noticed %s', async (_when, evaluates) => {
    const { data, trainer } = train();
    const failed = trainer.fit(data, {
      epochs: 1000,
      onEpoch: async ({ epoch }) => {
        if (epoch > 3) return;
        grow(data);
        if (evaluates) await trainer.evaluate(data);
      },
    });
    const { message } = await failed.then(
      () => expect.fail('diverges'),
      (error: Error) => error,
    );
    const step = Number(/ at step (\d+) /.exec(message)?.[1]);
    expect(step).toBeGreaterThan(14);

    const other = train();
    await other.trainer.fit(other.data, {
      epochs: 1000,
      onEpoch: ({ epoch }) => {
        if (epoch <= 3) grow(other.data);
      },
      onStep: (report) => report.step < step - 2,
    });
    const [got, want] = [await trainer.checkpoint(), await other.trainer.checkpoint()];
    for (const [name, { data: values }] of want.tensors) {
      expectSameBits(name, got.tensors.get(name)?.data ?? [], values);
    }
    expect(got.metadata).toEqual(want.metadata);
  });

  it('keeps the weights before data that makes the loss infinite', async () => {
    const { data, trainer } = train();
    const failed = trainer.fit(data, {
      epochs: 1000,
      onEpoch: ({ epoch }) => {
        if (epoch === 2) data.inputs.fill(3e38);
      },
    });
    await expect(failed).rejects.toThrow(/^fit: expected a finite loss, got \S+ at step 9 /);
    const other = train();
    await other.trainer.fit(other.data, { epochs: 1000, onEpoch: ({ epoch }) => epoch < 2 });
    expectSameState(await trainer.state(), await other.trainer.state());
  });

  it('reports no epoch whose last update makes the weights infinite', async () => {
    const { data } = train();
    data.targets.fill(1e3);
    const trainer = createTrainer(backend, {
      model: sequential(linear(2, 1)),
      loss: squaredError(),
      optimizer: sgd({ learningRate: overflowAt(3) }),
    });
    const epochs: number[] = [];
    const failed = trainer.fit(data, { epochs: 2, onEpoch: ({ epoch }) => epochs.push(epoch) });
    await expect(failed).rejects.toThrow(/^fit: expected finite weights, got .+ after step 4 /);
    expect(epochs).toEqual([]);
  });

  it('keeps finite weights when data is uploaded right after an update that makes them infinite', async () => {
    const { data } = train();
    data.targets.fill(1e3);
    const trainer = createTrainer(backend, {
      model: sequential(linear(2, 1)),
      loss: squaredError(),
      optimizer: sgd({ learningRate: overflowAt(5) }),
    });
    const failed = trainer.fit(data, {
      epochs: 3,
      onStep: async ({ step }) => {
        if (step !== 6) return;
        grow(data);
        await trainer.evaluate(data);
      },
    });
    await expect(failed).rejects.toThrow(/^fit: expected a finite loss, got \S+ at step 7 /);
    for (const { data: values } of (await trainer.state()).values()) {
      expect([...values].every(Number.isFinite)).toBe(true);
    }
  });

  it('keeps the weights before an update that makes them infinite, after which the data changes', async () => {
    // 62 examples make 4 steps of 16; the last one of epoch 2 overflows.
    const trainer = (data: Dataset) => ({
      data,
      trainer: createTrainer(backend, {
        model: sequential(linear(2, 1)),
        loss: squaredError(),
        optimizer: sgd({ learningRate: overflowAt(7) }),
      }),
    });
    const data = plane({ size: 62 });
    data.targets.fill(1e3);
    const [run, other] = [trainer(data), trainer({ ...data, inputs: data.inputs.slice() })];
    const failed = run.trainer.fit(data, { epochs: 3, onEpoch: () => grow(data) });
    await expect(failed).rejects.toThrow(/^fit: expected finite weights, got .+ after step 8 /);
    await other.trainer.fit(other.data, {
      epochs: 3,
      onEpoch: () => grow(other.data),
      onStep: ({ step }) => step < 7,
    });
    expectSameState(await run.trainer.state(), await other.trainer.state());
  });
});
