import { relative } from 'node:path';
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

/** Of longer runs only every so many epochs get a line. */
const MOST_LINES = 50;

/** What a person follows: what is trained, a line per epoch, and what came of it. */
export class TextReport implements TrainReport {
  readonly #run: RunStart;
  readonly #columns: readonly Column[];

  constructor(run: RunStart) {
    this.#run = run;
    this.#columns = columnsFor(run);
  }

  start(): void {
    print(formatHeader(this.#run));
    print();
    print(this.#columns.map(({ title }) => title).join(GAP));
  }

  epoch(record: EpochRecord): void {
    const { epochs } = this.#run.settings;
    const every = Math.ceil(epochs / MOST_LINES);
    if (record.epoch % every !== 0 && record.epoch !== epochs) return;
    print(this.#columns.map(({ title, cell }) => cell(record).padStart(title.length)).join(GAP));
  }

  done({ evaluation, coefficients, weightsPath, ...totals }: RunSummary): void {
    print();
    print(coefficients?.formula ?? this.#formatAccuracy(evaluation));
    this.#printTotals(totals);
    if (weightsPath !== undefined) print(`weights in ${weightsPath}`);
    if (process.stdout.isTTY) print(`\n${this.#suggest(weightsPath)}`);
  }

  interrupted(totals: RunTotals): void {
    print();
    this.#printTotals(totals);
  }

  #formatAccuracy({ accuracy, balancedAccuracy }: Evaluation): string {
    const { test } = this.#run.data;
    const line = `${formatPercent(accuracy)} of ${formatCounted(test.size, 'test image')} right`;
    if (!isUnbalanced(test)) return line;
    return `${line}, ${formatPercent(balancedAccuracy)} as the mean over the classes`;
  }

  /** What to do next, for somebody who is watching. */
  #suggest(weightsPath: string | undefined): string {
    const { name } = this.#run.recipe;
    const [command, purpose] = weightsPath
      ? [`evaluate ${weightsPath}`, 'what it takes for what']
      : [`train ${name} --out run`, 'keeps the weights'];
    const explain = `explain ${name}`.padEnd(command.length);
    return [
      `next: ${programName()} ${command}   ${purpose}`,
      `      ${programName()} ${explain}   every gradient of the step, with its formula`,
    ].join('\n');
  }

  #printTotals(totals: RunTotals): void {
    const { epochs, trainSeconds, imagesPerSecond } = totals;
    const things = this.#run.recipe.data === 'points' ? 'points' : 'images';
    const speed = `${formatCount(imagesPerSecond)} ${things}/s`;
    const time = `${formatSeconds(trainSeconds)} s of training`;
    print(`${formatCounted(epochs, 'epoch')}, ${time}, ${speed}`);
    for (const line of newNotes(this.#run, totals)) print(line);
  }
}

/** How the program was called: by its name where it is installed, else by its file. */
function programName(): string {
  const path = process.argv[1];
  return path.endsWith('.js') ? `node ${relative('', path)}` : 'handgrad';
}

/** Columns of a line, at most. */
const WIDTH = 100;

function formatHeader(run: RunStart): string {
  const { recipe, settings, data, backend, parameters, resumedAfter } = run;
  const { epochs, batchSize, learningRate, seed } = settings;
  const model = `${recipe.model().description}: ${formatCounted(parameters, 'parameter')}`;
  const size = `${formatCounted(epochs, 'epoch')}, batch size ${batchSize}`;
  const lines = [
    `recipe    ${recipe.name}: ${recipe.title}`,
    `model     ${wrap(model, ' '.repeat(10), WIDTH)}`,
    `backend   ${formatBackend(backend)}`,
    `data      ${formatData(data)}`,
    `training  ${size}, learning rate ${learningRate}, seed ${seed}`,
  ];
  if (resumedAfter !== undefined) {
    lines.push(`resumed   after ${formatCounted(resumedAfter, 'finished epoch')}`);
  }
  return lines.join('\n');
}

/** Accuracy for classes only, and its mean over the classes where a majority would hide mistakes. */
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
