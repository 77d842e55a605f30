import type { EpochRecord } from '../../training/history.js';
import { printJson } from '../output/print.js';
import {
  newNotes,
  type RunStart,
  type RunSummary,
  type RunTotals,
  type TrainReport,
} from './report.js';

/** Prints one JSON object per line. Missing numbers, such as the accuracy of a fit, are null. */
export class JsonReport implements TrainReport {
  constructor(readonly run: RunStart) {}

  start(): void {
    const { recipe, settings, data, backend, parameters, resumedAfter } = this.run;
    printJson({
      event: 'start',
      recipe: recipe.name,
      backend: backend.backend,
      build: backend.build,
      threads: backend.threads,
      parameters,
      trainSize: data.train.size,
      testSize: data.test.size,
      data: data.source,
      ...settings,
      ...(resumedAfter !== undefined && { resumedAfter }),
    });
  }

  epoch(record: EpochRecord): void {
    printJson({
      event: 'epoch',
      epoch: record.epoch,
      trainLoss: record.trainLoss,
      validLoss: record.validLoss ?? null,
      validAccuracy: record.validAccuracy ?? null,
      validBalancedAccuracy: record.validBalancedAccuracy ?? null,
      learningRate: record.learningRate,
      seconds: record.seconds,
    });
  }

  done({ evaluation, coefficients, weightsPath, ...totals }: RunSummary): void {
    printJson({
      event: 'done',
      epochs: totals.epochs,
      validLoss: evaluation.loss,
      validAccuracy: evaluation.accuracy,
      validBalancedAccuracy: evaluation.balancedAccuracy,
      trainSeconds: totals.trainSeconds,
      imagesPerSecond: totals.imagesPerSecond,
      ...this.#backendChanges(totals),
      ...(coefficients && { coefficients: coefficients.values }),
      ...(weightsPath !== undefined && { weights: weightsPath }),
    });
  }

  interrupted(totals: RunTotals, signal: string): void {
    const { backend: _, ...numbers } = totals;
    printJson({ event: 'interrupted', signal, ...numbers, ...this.#backendChanges(totals) });
  }

  /** The backend, if it has changed since the start, and its new notes, if any. */
  #backendChanges(totals: RunTotals) {
    const { backend, build, threads } = totals.backend;
    const notes = newNotes(this.run, totals);
    return {
      ...(backend !== this.run.backend.backend && { backend, build, threads }),
      ...(notes.length > 0 && { notes }),
    };
  }
}
