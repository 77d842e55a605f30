import type { BackendInfo } from '../../backends/device.js';
import type { Recipe } from '../../recipes.js';
import type { EpochRecord, Evaluation } from '../../training/history.js';
import type { RecipeData } from '../data/recipe-data.js';
import type { Coefficients } from './coefficients.js';
import type { RunSettings } from './run-config.js';

/** What is known before the first epoch. */
export interface RunStart {
  readonly recipe: Recipe;
  readonly settings: RunSettings;
  readonly data: RecipeData;
  readonly backend: BackendInfo;
  readonly parameters: number;
  /** Epochs that an earlier sitting finished, for a run that goes on. */
  readonly resumedAfter: number | undefined;
}

/** What came of a run so far. */
export interface RunTotals {
  /** Finished ones. */
  readonly epochs: number;
  readonly trainSeconds: number;
  readonly imagesPerSecond: number;
  /** With `auto`, perhaps another than the run began on. */
  readonly backend: BackendInfo;
}

/** What the backend came to say meanwhile: which one `auto` chose, with its figures. */
export function newNotes({ backend: before }: RunStart, { backend: now }: RunTotals): string[] {
  return now.notes.filter((note) => !before.notes.includes(note));
}

export interface RunSummary extends RunTotals {
  /** On the test split. */
  readonly evaluation: Evaluation;
  /** For recipes that fit a curve. */
  readonly coefficients: Coefficients | undefined;
  /** Where the weights are. */
  readonly weightsPath: string | undefined;
}

/** Tells of a run on stdout. */
export interface TrainReport {
  start(): void;
  epoch(record: EpochRecord): void;
  done(summary: RunSummary): void;
  interrupted(totals: RunTotals, signal: string): void;
}
