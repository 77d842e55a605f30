/**
 * How reductions are distributed over workgroups. A single workgroup is slow for long sums, but a
 * second pass has a fixed cost, which dominates when a small network trains. Therefore only long sums
 * are split between workgroups. The order of summation is fixed, so the same GPU gives the same bits.
 */
import { WORKGROUP } from '../shaders/constants.js';
import { inTwoAxes, type Pass, type Plan, perElement, splitReduction } from './passes.js';

type Sizes = Readonly<Record<string, number>>;

/** Terms per invocation up to which a second pass costs more than it saves. */
const MAX_TERMS_UNSPLIT = 32;
/** Fewest terms per invocation in a split. */
const MIN_TERMS_PER_SPLIT = 8;
/** Workgroups that fill the largest GPUs: more would not raise occupancy. */
const MAX_WORKGROUPS = 1024;

/** The sum of `count` terms, with shaders/split-reduction.wgsl. */
export function planSum(entryPoint: string, count: number): Plan {
  const splits = splitsOf(count, WORKGROUP);
  return splitReduction(splits, 1, { entryPoint, workgroups: [splits] }, SUM_SPLITS);
}

const SUM_SPLITS: Pass = { entryPoint: 'sumSplits', workgroups: [1] };

/** Rows that are reduced one by one, in workgroups of ROWS rows of COLUMNS invocations. */
export function planRows(entryPoint: string, rows: number, length: number): Plan {
  return { passes: [rowsPass(entryPoint, rows, length)], scratchBytes: 0 };
}

/** p (B, C), with shaders/softmax-cross-entropy.wgsl. */
export function planSoftmax({ B, C }: Sizes): Plan {
  return planRows('softmaxForward', B, C);
}

/** p (B, C) and the mean loss of its rows. */
export function planSoftmaxLoss({ B, C }: Sizes): Plan {
  const rows = rowsPass('softmaxCrossEntropyForward', B, C);
  return splitReduction(Math.ceil(B / rows.constants.ROWS), 1, rows, SUM_SPLITS);
}

function rowsPass(entryPoint: string, rows: number, length: number) {
  const COLUMNS = columnsOf(rows, length);
  const ROWS = WORKGROUP / COLUMNS;
  return {
    entryPoint,
    workgroups: inTwoAxes(Math.ceil(rows / ROWS)),
    constants: { COLUMNS, ROWS },
  } satisfies Pass;
}

/** Invocations per row: more for longer rows, but few enough for one workgroup where it can run all rows. */
function columnsOf(rows: number, length: number): number {
  const columns = clamp(1, 2 ** Math.ceil(Math.log2(length / 4)), WORKGROUP);
  if (rows > WORKGROUP || rows * length > MAX_TERMS_UNSPLIT * WORKGROUP) return columns;
  return Math.min(columns, 2 ** Math.floor(Math.log2(WORKGROUP / rows)));
}

/** db (O) = column sums of dy (N, O), with shaders/column-sums.wgsl. */
export function planColumnSums(sizes: Sizes): Plan {
  const [N, O] = Object.values(sizes);
  const constants = { COLUMNS: 16, ROWS: 16 };
  const groups = Math.ceil(O / constants.COLUMNS);
  const splits = splitsOf(N, constants.ROWS, groups);
  const first: Pass = { entryPoint: 'columnSums', workgroups: [groups, splits], constants };
  const second: Pass = { entryPoint: 'sumSplits', workgroups: [groups], constants };
  return splitReduction(splits, O, first, second);
}

/**
 * Sums of two numbers over the N rows for each of C channels, as in shaders/batch-norm.wgsl.
 *
 * @param second entry point that combines the splits
 */
export function planChannelSums(entryPoint: string, second: string, { N, C }: Sizes): Plan {
  const narrow = { COLUMNS: 8, ROWS: 32 };
  const isLong = N > MAX_TERMS_UNSPLIT * narrow.ROWS;
  // 32 columns load whole cache lines. The splits keep the number of workgroups high enough.
  const constants = isLong && C >= 32 ? { COLUMNS: 32, ROWS: 8 } : narrow;
  const groups = Math.ceil(C / constants.COLUMNS);
  const splits = isLong ? splitsOf(N, constants.ROWS, groups) : 1;
  const sums: Pass = { entryPoint, workgroups: [groups, splits], constants };
  const combine: Pass = {
    entryPoint: second,
    workgroups: [Math.ceil(C / narrow.COLUMNS)],
    constants: narrow,
  };
  return splitReduction(splits, 2 * C, sums, combine);
}

/** dW (V, D): zeros, then the sums of the rows that occur in t (N), with shaders/embedding.wgsl. */
export function planEmbeddingBackward({ N, V, D }: Sizes): Plan {
  // A bit for each invocation of a row, in a word of 32.
  const COLUMNS = 32;
  const [x, y = 1] = inTwoAxes(N);
  const clear: Pass = { entryPoint: 'clearRows', workgroups: perElement(V * D) };
  const sums: Pass = {
    entryPoint: 'embeddingBackward',
    workgroups: [x, y, Math.ceil(D / COLUMNS)],
  };
  return { passes: [clear, sums], scratchBytes: 0 };
}

/** y (B, C), the means over P pixels, with shaders/global-average-pool.wgsl. */
export function planAveragePool({ B, P, C }: Sizes): Plan {
  const ROWS = P > MAX_TERMS_UNSPLIT ? 16 : 1;
  const COLUMNS = WORKGROUP / ROWS;
  const workgroups = inTwoAxes(Math.ceil((B * C) / COLUMNS));
  const pass = { entryPoint: 'globalAveragePoolForward', workgroups, constants: { COLUMNS, ROWS } };
  return { passes: [pass], scratchBytes: 0 };
}

/**
 * The number of splits of a sum.
 *
 * @param invocations invocations of a workgroup that share the sum
 * @param groups workgroups per split
 */
function splitsOf(terms: number, invocations: number, groups = 1): number {
  if (terms <= MAX_TERMS_UNSPLIT * invocations) return 1;
  const maxSplits = Math.floor(terms / (MIN_TERMS_PER_SPLIT * invocations));
  return clamp(1, Math.floor(MAX_WORKGROUPS / groups), maxSplits);
}

function clamp(min: number, value: number, max: number): number {
  return Math.max(min, Math.min(value, max));
}
