import type { Values } from '../../tensor.js';
import { type Engine, MAX_STEPS } from '../engine/engine.js';
import { EpochOrder } from './epoch-order.js';
import { type RunPosition, type RunSettings, updatesLeft } from './run-settings.js';
import { UsedRates } from './used-rates.js';

/** Consecutive steps that were submitted to the backend in one call. */
export interface Chunk {
  /** Number of the first step, from 0. */
  readonly first: number;
  readonly batchSize: number;
  readonly rates: readonly number[];
  /** When it was submitted, by `performance.now()`. */
  readonly began: number;
  readonly losses: Promise<Values>;
  /** The position after these steps; the position before them if they fail. */
  readonly after: Promise<RunPosition>;
}

/** Submits the steps of a run to the backend. Everything about a step follows from its number. */
export class Submissions {
  readonly rates: UsedRates;
  readonly #engine: Engine;
  readonly #settings: RunSettings;
  /** Number of examples. */
  readonly #size: number;
  readonly #stepsPerEpoch: number;
  readonly #order: EpochOrder;
  readonly #start: RunPosition;
  #upcoming: Promise<RunPosition>;

  constructor(engine: Engine, settings: RunSettings, size: number, position: RunPosition) {
    this.#engine = engine;
    this.#settings = settings;
    this.#size = size;
    this.#stepsPerEpoch = Math.ceil(size / settings.batchSize);
    this.#order = new EpochOrder(size, settings.shuffle ? settings.seed : undefined);
    const { schedule } = engine.setup.optimizer;
    const totalSteps = settings.epochs * this.#stepsPerEpoch;
    this.rates = new UsedRates((step) => schedule.at(step, totalSteps, this.#stepsPerEpoch));
    this.#start = { ...position };
    this.#upcoming = Promise.resolve(this.#start);
  }

  /** The position after all steps that were submitted so far. */
  get upcoming(): Promise<RunPosition> {
    return this.#upcoming;
  }

  /** Continues at a position whose weights were written to the backend. */
  continueAt(position: RunPosition): void {
    this.#upcoming = Promise.resolve(position);
  }

  /**
   * Submits steps that share a batch size and an epoch.
   *
   * @param first number of the first step of the run, from 0
   * @param limit most steps
   * @param isRepeated whether steps are repeated, perhaps on a backend of which a part has failed
   */
  submit(first: number, limit: number, isRepeated = false): Chunk {
    const began = performance.now();
    const { dataset, batchSize } = this.#settings;
    const { updatesBefore, epochsBefore } = this.#start;
    const offset = (first % this.#stepsPerEpoch) * batchSize;
    const size = Math.min(batchSize, this.#size - offset);
    const rates = this.rates.of(first, Math.min(limit, this.#stepsFrom(first)));
    const losses = this.#engine.train(dataset, {
      order: this.#order.of(epochsBefore + Math.floor(first / this.#stepsPerEpoch)),
      batchSize: size,
      update: updatesBefore + first + 1,
      position: offset,
      rates,
      isRepeated,
    });
    const before = this.#upcoming;
    const after = losses.then(
      async (values) => this.#advanced(await before, values, size),
      () => before,
    );
    this.#upcoming = after;
    return { first, batchSize: size, rates, began, losses, after };
  }

  /** Number of steps that one call may do. */
  #stepsFrom(first: number): number {
    const fullBatches = Math.floor(this.#size / this.#settings.batchSize);
    const inEpoch = fullBatches - (first % this.#stepsPerEpoch);
    return Math.max(1, Math.min(inEpoch, updatesLeft(this.#start, first), MAX_STEPS));
  }

  /** The position after further steps with these losses. */
  #advanced(position: RunPosition, losses: Values, batchSize: number): RunPosition {
    const weight = this.#engine.lossWeight(batchSize);
    let lossSum = position.step % this.#stepsPerEpoch === 0 ? 0 : position.lossSum;
    for (const loss of losses) lossSum += loss * weight;
    return { ...position, step: position.step + losses.length, lossSum };
  }
}
