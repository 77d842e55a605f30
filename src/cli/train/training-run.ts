import { TrainingError } from '../../errors.js';
import type { Backend } from '../../numerics/backend.js';
import type { Recipe } from '../../recipes.js';
import { recipeTrainer } from '../../train-recipe.js';
import type { EpochRecord, History } from '../../training/history.js';
import { readPosition } from '../../training/serialization/checkpoint.js';
import type { Trainer } from '../../training/trainer.js';
import { formatBackend } from '../backend.js';
import type { RecipeData } from '../data/recipe-data.js';
import { Interruption, type StopSignal } from '../failure.js';
import { note } from '../output/print.js';
import { coefficientsOf } from './coefficients.js';
import { JsonReport } from './json-report.js';
import type { RunTotals, TrainReport } from './report.js';
import {
  createConfig,
  expectSameData,
  type RunConfig,
  type RunSettings,
} from './saved/run-config.js';
import type { RunFolder } from './saved/run-folder.js';
import { RunLog } from './saved/run-log.js';
import { TextReport } from './text-report.js';
import { TrainingBar } from './training-bar.js';

export interface TrainingRunOptions {
  readonly recipe: Recipe;
  readonly settings: RunSettings;
  readonly data: RecipeData;
  /** Folder to save the run in; undefined saves nothing. */
  readonly folder: RunFolder | undefined;
  /** Configuration of the run in `folder` to resume; undefined starts a new run. */
  readonly resumed: RunConfig | undefined;
  readonly json: boolean;
  /** Whether the report says why `auto` uses no GPU. */
  readonly verbose: boolean;
  readonly signal: AbortSignal;
}

/** How the error of a diverged run ends. */
const KEPT = 'the last good weights are kept';

/** One session of a run: from its start or a checkpoint to its end or an interruption. */
export class TrainingRun {
  readonly #backend: Backend;
  readonly #options: TrainingRunOptions;
  readonly #trainer: Trainer;
  readonly #bar: TrainingBar;
  #log = new RunLog();

  constructor(backend: Backend, options: TrainingRunOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#trainer = recipeTrainer(options.recipe, { backend, ...options.settings });
    this.#bar = new TrainingBar(options.settings.batchSize);
  }

  /** @throws TrainingError when the loss is no longer finite, Interruption when stopped by a signal */
  async run(): Promise<void> {
    const { resumed, signal } = this.#options;
    if (resumed) await this.#resume(resumed);
    else await this.#begin();
    signal.throwIfAborted();
    const report = this.#createReport();
    report.start();
    const history = await this.#fit(report);
    this.#log.end(history);
    if (history.stoppedBy === 'signal') await this.#stop(report, history);
    else await this.#finish(report, history);
  }

  async #begin(): Promise<void> {
    const { recipe, settings, data, folder } = this.#options;
    await folder?.begin(createConfig(recipe, settings, this.#backend.info, data));
  }

  /** Restores the checkpoint, and the history up to it. */
  async #resume(config: RunConfig): Promise<void> {
    const { data, folder } = this.#options;
    if (!folder) return;
    const checkpoint = await folder.readCheckpoint();
    expectSameData(config, data);
    this.#compareBackends(config);
    await this.#trainer.restore(checkpoint);
    const { step } = readPosition(checkpoint, this.#trainer);
    const stepsPerEpoch = Math.ceil(data.train.size / this.#trainer.batchSize);
    const completed = Math.floor(step / stepsPerEpoch);
    this.#log = new RunLog(await folder.readHistory(completed), completed);
  }

  #compareBackends({ backend: before }: RunConfig): void {
    const now = this.#backend.info;
    if (now.backend === before.backend && now.build === before.build) return;
    note(
      `the run started on ${formatBackend(before)} and continues on ${formatBackend(now)}, which rounds differently`,
    );
  }

  #createReport(): TrainReport {
    const { recipe, settings, data, resumed, json, verbose } = this.#options;
    const backend = this.#backend.info;
    const parameters = this.#trainer.parameterCount;
    const resumedAfter = resumed ? this.#log.completedEpochs : undefined;
    const start = { recipe, settings, data, backend, parameters, resumedAfter };
    return json ? new JsonReport(start) : new TextReport(start, verbose);
  }

  async #fit(report: TrainReport): Promise<History> {
    const { recipe, settings, data, resumed, signal } = this.#options;
    try {
      return await this.#trainer.fit(data.train, {
        epochs: settings.epochs,
        shuffle: recipe.shuffle ?? true,
        validation: data.test,
        resume: resumed !== undefined,
        signal,
        onProgress: (progress) => this.#bar.update(progress),
        onEpoch: (record) => this.#endEpoch(record, report),
      });
    } catch (error) {
      const hasDiverged = error instanceof TrainingError && error.message.endsWith(KEPT);
      throw hasDiverged ? await this.#keepLastGood(error) : error;
    } finally {
      this.#bar.clear();
    }
  }

  /** Saves the epoch before reporting it, so that a reported epoch is never lost. */
  async #endEpoch(record: EpochRecord, report: TrainReport): Promise<void> {
    const whole = this.#log.add(record);
    await this.#options.folder?.saveProgress(this.#trainer, this.#log);
    this.#bar.clear();
    report.epoch(whole);
  }

  async #finish(report: TrainReport, history: History): Promise<void> {
    const { recipe, data, folder } = this.#options;
    await folder?.saveHistory(this.#log);
    await folder?.saveWeights(this.#trainer);
    report.done({
      ...this.#totals(history),
      evaluation: await this.#trainer.evaluate(data.test),
      coefficients: coefficientsOf(recipe.name, await this.#trainer.state()),
      weightsPath: folder?.weightsPath,
    });
  }

  /** Saves weights, history and checkpoint, even in the middle of an epoch. */
  async #stop(report: TrainReport, history: History): Promise<void> {
    const { settings, folder, signal } = this.#options;
    await folder?.saveWeights(this.#trainer);
    await folder?.saveProgress(this.#trainer, this.#log);
    const { signal: name } = signal.reason as Interruption;
    report.interrupted(this.#totals(history), name);
    throw this.#interruption(name, settings.epochs);
  }

  #interruption(name: StopSignal, epochs: number): Interruption {
    const { folder } = this.#options;
    const kept = folder
      ? `weights, history and checkpoint are in ${folder.path}; continue with --resume`
      : 'nothing is saved without --out';
    const done = this.#log.completedEpochs;
    return new Interruption(name, `stopped after ${done} of ${epochs} epochs; ${kept}`);
  }

  /** Keeps the checkpoint of the last epoch: one right before the failure would fail again. */
  async #keepLastGood(error: TrainingError): Promise<TrainingError> {
    const { folder } = this.#options;
    if (!folder) return new TrainingError(`${error.message} only with --out`, { cause: error });
    await folder.saveWeights(this.#trainer);
    await folder.saveHistory(this.#log);
    return new TrainingError(`${error.message} in ${folder.weightsPath}`, { cause: error });
  }

  #totals({ examples, trainSeconds }: History): RunTotals {
    return {
      epochs: this.#log.completedEpochs,
      trainSeconds: this.#log.trainSeconds,
      // Only this session: an earlier one may have run on another machine.
      imagesPerSecond: examples > 0 ? examples / trainSeconds : 0,
      backend: this.#backend.info,
    };
  }
}
