import type { BackendInfo } from '../../backends/runtime.js';
import type { Recipe } from '../../recipes.js';
import type { EpochRecord, Evaluation } from '../../training/history.js';
import type { RecipeData } from '../data/recipe-data.js';
import type { Coefficients } from './coefficients.js';
import type { RunSettings } from './saved/run-config.js';

/** Description of a run before its first epoch. */
export interface RunStart {
  readonly recipe: Recipe;
  readonly settings: RunSettings;
  readonly data: RecipeData;
  readonly backend: BackendInfo;
  readonly parameters: number;
  /** Epochs completed by earlier sessions; undefined for a new run. */
  readonly resumedAfter: number | undefined;
}

/** Totals of a run so far. */
export interface RunTotals {
  /** Completed epochs. */
  readonly epochs: number;
  readonly trainSeconds: number;
  readonly imagesPerSecond: number;
  /** The current backend, which `auto` may have changed since the start. */
  readonly backend: BackendInfo;
}

/** Notes added since the start, such as the choice of `auto` with its timings. */
export function newNotes({ backend: before }: RunStart, { backend: now }: RunTotals): string[] {
  return now.notes.filter((note) => !before.notes.includes(note));
}

export interface RunSummary extends RunTotals {
  /** Metrics on the test split. */
  readonly evaluation: Evaluation;
  /** Defined for recipes that fit a curve. */
  readonly coefficients: Coefficients | undefined;
  /** Path of the saved weights. */
  readonly weightsPath: string | undefined;
}

/** Prints the progress and the result of a run on stdout. */
export interface TrainReport {
  start(): void;
  epoch(record: EpochRecord): void;
  done(summary: RunSummary): void;
  interrupted(totals: RunTotals, signal: string): void;
}
