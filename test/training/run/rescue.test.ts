/* What a run keeps when its backend fails, or when a callback replaces the weights. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ReferenceRuntime } from '../../../src/backends/reference.js';
import type { Executable } from '../../../src/backends/runtime.js';
import {
  BackendError,
  linear,
  sequential,
  sgd,
  squaredError,
  TrainingError,
} from '../../../src/index.js';
import { Backend } from '../../../src/numerics/backend.js';
import type { Step } from '../../../src/step.js';
import type { Tensor, Values } from '../../../src/tensor.js';
import { blobs, createTrainer, expectSameState, plane } from '../fixtures.js';

/** The reference, which fails at some step like a GPU that is lost: nothing works afterwards. */
class FailingRuntime extends ReferenceRuntime {
  steps = 0;
  readonly #last: number;

  /** @param last number of steps before the failure */
  constructor(last: number) {
    super('float32');
    this.#last = last;
  }

  override async compile(step: Step): Promise<Executable> {
    this.#check();
    const executable = await super.compile(step);
    return {
      ...executable,
      run: async (times) => {
        this.steps += times;
        this.#check();
        await executable.run(times);
      },
    };
  }

  override write(tensor: Tensor, values: ArrayLike<number>): void {
    this.#check();
    super.write(tensor, values);
  }

  override async read(tensor: Tensor): Promise<Values> {
    this.#check();
    return super.read(tensor);
  }

  #check(): void {
    if (this.steps > this.#last) throw new BackendError('the device was lost');
  }
}

// 4 steps per epoch.
const train = blobs({ size: 50 });
const reference = () => new Backend(new ReferenceRuntime('float32'));

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a backend that is lost during fit', () => {
  it.each([
    ['the snapshot at the start', () => {}, 0],
    [
      'a snapshot before every chunk',
      () => {
        let now = 0;
        // Every chunk takes an hour, so that it has one step.
        vi.spyOn(performance, 'now').mockImplementation(() => {
          now += 3.6e6;
          return now;
        });
      },
      9,
    ],
  ])(
    'leaves the weights of %s, and the run continues on a new backend',
    async (_, setClock, step) => {
      const trainer = createTrainer(new Backend(new FailingRuntime(10)));
      setClock();
      await expect(trainer.fit(train, { epochs: 5 })).rejects.toThrow('the device was lost');
      vi.restoreAllMocks();

      const checkpoint = await trainer.checkpoint();
      expect(JSON.parse(checkpoint.metadata.handgrad).step).toBe(step);
      const stopped = createTrainer(reference());
      if (step > 0) await stopped.fit(train, { epochs: 5, onStep: (report) => report.step < step });
      expectSameState(await trainer.state(), await stopped.state());
      // Copies: changing one does not change the others.
      (await trainer.state()).get('0.weight')?.data.fill(7);
      expectSameState(await trainer.state(), await stopped.state());
      await expect(trainer.predict(train.inputs)).rejects.toThrow(BackendError);

      const [resumed, unbroken] = [createTrainer(reference()), createTrainer(reference())];
      await resumed.restore(checkpoint);
      await resumed.fit(train, { epochs: 5, resume: true });
      await unbroken.fit(train, { epochs: 5 });
      expectSameState(await resumed.state(), await unbroken.state());
      await trainer.close();
    },
  );
});

describe('a callback that throws an error of another backend', () => {
  it('leaves the weights alone, without repeating a step', async () => {
    const runtime = new FailingRuntime(100);
    const trainer = createTrainer(new Backend(runtime));
    const failed = new BackendError('wasm: the backend is closed');
    const onEpoch = () => {
      throw failed;
    };
    await expect(trainer.fit(train, { epochs: 5, onEpoch })).rejects.toBe(failed);
    expect(runtime.steps).toBe(4);
    const stopped = createTrainer(reference());
    await stopped.fit(train, { epochs: 1 });
    expectSameState(await trainer.state(), await stopped.state());
  });
});

describe('weights that a callback loads', () => {
  it('are those from which steps are repeated after a divergence', async () => {
    const points = plane({ size: 64 });
    const create = () =>
      createTrainer(reference(), {
        model: sequential(linear(2, 1)),
        loss: squaredError(),
        optimizer: sgd({ learningRate: 1e12 }),
      });
    const loaded = await createTrainer(reference(), {
      model: sequential(linear(2, 1)),
      seed: 5,
    }).state();
    const trainer = create();
    const run = trainer.fit(points, {
      epochs: 100,
      onStep: ({ step }) => (step === 1 ? trainer.loadState(loaded) : undefined),
    });
    await expect(run).rejects.toThrow(TrainingError);
    const { step } = JSON.parse((await trainer.checkpoint()).metadata.handgrad);
    expect(step).toBeGreaterThanOrEqual(1);
    const other = create();
    await other.fit(points, {
      epochs: 100,
      onStep: async (report) => {
        if (report.step === 1) await other.loadState(loaded);
        return report.step < step;
      },
    });
    expectSameState(await trainer.state(), await other.state());
  });
});
