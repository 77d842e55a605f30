import { relative } from 'node:path';
import { formatDescription } from '../../description.js';
import type { EpochRecord, Evaluation } from '../../training/history.js';
import { formatBackend } from '../backend.js';
import { formatData, isUnbalanced } from '../data/recipe-data.js';
import {
  formatCount,
  formatCounted,
  formatLoss,
  formatPercent,
  formatSeconds,
  wrap,
} from '../output/format.js';
import { print } from '../output/print.js';
import {
  newNotes,
  type RunStart,
  type RunSummary,
  type RunTotals,
  type TrainReport,
} from './report.js';

interface Column {
  readonly title: string;
  readonly cell: (record: EpochRecord) => string;
}

const GAP = '   ';

/** Maximum number of epoch lines. Longer runs print only every n-th epoch. */
const MAX_EPOCH_LINES = 50;

/** Prints a report for people: a header, a line per epoch, and the result. */
export class TextReport implements TrainReport {
  readonly #run: RunStart;
  readonly #columns: readonly Column[];

  readonly #verbose: boolean;

  /** @param verbose whether to print why `auto` uses no GPU, rather than only its timings */
  constructor(run: RunStart, verbose = false) {
    this.#run = run;
    this.#verbose = verbose;
    this.#columns = columnsFor(run);
  }

  start(): void {
    print(formatHeader(this.#run));
    print();
    print(this.#columns.map(({ title }) => title).join(GAP));
  }

  epoch(record: EpochRecord): void {
    const { epochs } = this.#run.settings;
    const every = Math.ceil(epochs / MAX_EPOCH_LINES);
    if (record.epoch % every !== 0 && record.epoch !== epochs) return;
    print(this.#columns.map(({ title, cell }) => cell(record).padStart(title.length)).join(GAP));
  }

  done({ evaluation, coefficients, weightsPath, ...totals }: RunSummary): void {
    print();
    print(coefficients?.formula ?? this.#formatAccuracy(evaluation));
    this.#printTotals(totals);
    if (weightsPath !== undefined) print(`weights saved in ${weightsPath}`);
    if (process.stdout.isTTY) print(`\n${this.#suggest(weightsPath)}`);
  }

  interrupted(totals: RunTotals): void {
    print();
    this.#printTotals(totals);
  }

  #formatAccuracy({ accuracy, balancedAccuracy }: Evaluation): string {
    const { test } = this.#run.data;
    const line = `accuracy ${formatPercent(accuracy)} on ${formatCounted(test.size, 'test image')}`;
    if (!isUnbalanced(test)) return line;
    return `${line}, balanced accuracy ${formatPercent(balancedAccuracy)}`;
  }

  /** Suggests the next commands. */
  #suggest(weightsPath: string | undefined): string {
    const { name } = this.#run.recipe;
    const [command, purpose] = weightsPath
      ? [`evaluate ${weightsPath}`, 'accuracy and confusion matrix']
      : [`train ${name} --out run`, 'saves the weights'];
    const explain = `explain ${name}`.padEnd(command.length);
    return [
      `next: ${programName()} ${command}   ${purpose}`,
      `      ${programName()} ${explain}   all kernel calls of a step, with formulas`,
    ].join('\n');
  }

  #printTotals(totals: RunTotals): void {
    const { epochs, trainSeconds, imagesPerSecond } = totals;
    const things = this.#run.recipe.data === 'points' ? 'points' : 'images';
    const speed = `${formatCount(imagesPerSecond)} ${things}/s`;
    const time = `${formatSeconds(trainSeconds)} s of training`;
    print(`${formatCounted(epochs, 'epoch')}, ${time}, ${speed}`);
    for (const line of newNotes(this.#run, totals)) {
      if (this.#verbose || line.startsWith('auto: ')) print(line);
    }
  }
}

/** The command that started this program: its name if installed, else `node` and the file. */
function programName(): string {
  const path = process.argv[1];
  return path.endsWith('.js') ? `node ${relative('', path)}` : 'handgrad';
}

/** Maximum length of a header line. */
const WIDTH = 100;

function formatHeader(run: RunStart): string {
  const { recipe, settings, data, backend, parameters, resumedAfter } = run;
  const { epochs, batchSize, learningRate, seed } = settings;
  const call = formatDescription(recipe.model().description);
  const model = `${call}: ${formatCounted(parameters, 'parameter')}`;
  const size = `${formatCounted(epochs, 'epoch')}, batch size ${batchSize}`;
  const lines = [
    `recipe    ${recipe.name}: ${recipe.title}`,
    `model     ${wrap(model, ' '.repeat(10), WIDTH)}`,
    `backend   ${formatBackend(backend)}`,
    `data      ${formatData(data)}`,
    `training  ${size}, learning rate ${learningRate}, seed ${seed}`,
  ];
  if (resumedAfter !== undefined) {
    lines.push(`resumed   after ${formatCounted(resumedAfter, 'completed epoch')}`);
  }
  return lines.join('\n');
}

/** Accuracy appears for classification, balanced accuracy only for unbalanced classes. */
function columnsFor({ data: { test } }: RunStart): Column[] {
  const columns: Column[] = [
    { title: 'epoch', cell: ({ epoch }) => String(epoch) },
    { title: 'train loss', cell: ({ trainLoss }) => formatLoss(trainLoss) },
    { title: 'valid loss', cell: ({ validLoss }) => formatLoss(validLoss ?? Number.NaN) },
  ];
  if (test.classes > 0) {
    columns.push({
      title: 'valid accuracy',
      cell: ({ validAccuracy }) => formatPercent(validAccuracy ?? Number.NaN),
    });
  }
  if (isUnbalanced(test)) {
    columns.push({
      title: 'balanced accuracy',
      cell: ({ validBalancedAccuracy }) => formatPercent(validBalancedAccuracy ?? Number.NaN),
    });
  }
  columns.push({ title: 'seconds', cell: ({ seconds }) => formatSeconds(seconds) });
  return columns;
}
