/**
 * How sums are shared out. One workgroup takes long for many numbers, but a second pass has a price
 * too, which in training a small network counts for more: so many workgroups, and a pass to add up
 * what they leave, only where sums are long. Orders are fixed, so the same GPU gives the same bits.
 */
import { inParts, inTwoAxes, type Pass, type Plan, WORKGROUP } from './passes.js';

type Sizes = Readonly<Record<string, number>>;

/** Terms that an invocation adds up before a second pass would pay. */
const LONGEST = 32;
/** Fewest terms of an invocation that are worth a part. */
const SHORTEST = 8;
/** Workgroups that the largest GPUs run at a time. */
const MOST = 1024;

/** The sum of `count` numbers, as shaders/parts.wgsl puts it together. */
export function planSum(entryPoint: string, count: number): Plan {
  const parts = partsOf(count, WORKGROUP);
  return inParts(parts, 1, { entryPoint, workgroups: [parts] }, SUM_OF_PARTS);
}

const SUM_OF_PARTS: Pass = { entryPoint: 'sumOfParts', workgroups: [1] };

/** p (B, C), as shaders/softmax-cross-entropy.wgsl computes it. */
export function planSoftmax({ B, C }: Sizes): Plan {
  return { passes: [softmaxPass('softmaxForward', B, C)], scratch: 0 };
}

/** p (B, C) and the mean loss of its rows. */
export function planSoftmaxLoss({ B, C }: Sizes): Plan {
  const rows = softmaxPass('softmaxCrossEntropyForward', B, C);
  return inParts(Math.ceil(B / rows.constants.ROWS), 1, rows, SUM_OF_PARTS);
}

function softmaxPass(entryPoint: string, B: number, C: number) {
  const COLUMNS = softmaxColumns(B, C);
  const ROWS = WORKGROUP / COLUMNS;
  return {
    entryPoint,
    workgroups: inTwoAxes(Math.ceil(B / ROWS)),
    constants: { COLUMNS, ROWS },
  } satisfies Pass;
}

/** Invocations of a row: more for longer ones, fewer where one workgroup can then take all rows. */
function softmaxColumns(B: number, C: number): number {
  const columns = between(1, 2 ** Math.ceil(Math.log2(C / 4)), WORKGROUP);
  if (B > WORKGROUP || B * C > LONGEST * WORKGROUP) return columns;
  return Math.min(columns, 2 ** Math.floor(Math.log2(WORKGROUP / B)));
}

/** db (O) = column sums of dy (N, O), as shaders/column-sums.wgsl computes them. */
export function planColumnSums(sizes: Sizes): Plan {
  const [N, O] = Object.values(sizes);
  const [columns, rows] = [16, 16];
  const groups = Math.ceil(O / columns);
  const parts = partsOf(N, rows, groups);
  const sums: Pass = { entryPoint: 'columnSums', workgroups: [groups, parts] };
  const sum: Pass = { entryPoint: 'sumOfParts', workgroups: [groups] };
  return inParts(parts, O, sums, sum);
}

/**
 * Sums over the N rows of each of C channels, as shaders/batch-norm.wgsl computes them.
 *
 * @param whole the entry point that puts parts together
 */
export function planChannelSums(entryPoint: string, whole: string, { N, C }: Sizes): Plan {
  const narrow = { COLUMNS: 8, ROWS: 32 };
  const isLong = N > LONGEST * narrow.ROWS;
  // Whole lines of memory, where parts give the workgroups that fewer columns would.
  const constants = isLong && C >= 32 ? { COLUMNS: 32, ROWS: 8 } : narrow;
  const groups = Math.ceil(C / constants.COLUMNS);
  const parts = isLong ? partsOf(N, constants.ROWS, groups) : 1;
  const sums: Pass = { entryPoint, workgroups: [groups, parts], constants };
  const sum: Pass = {
    entryPoint: whole,
    workgroups: [Math.ceil(C / narrow.COLUMNS)],
    constants: narrow,
  };
  return inParts(parts, 2 * C, sums, sum);
}

/** y (B, C), means over P pixels, as shaders/global-average-pool.wgsl computes them. */
export function planAveragePool({ B, P, C }: Sizes): Plan {
  const ROWS = P > LONGEST ? 16 : 1;
  const COLUMNS = WORKGROUP / ROWS;
  const workgroups = inTwoAxes(Math.ceil((B * C) / COLUMNS));
  const pass = { entryPoint: 'globalAveragePoolForward', workgroups, constants: { COLUMNS, ROWS } };
  return { passes: [pass], scratch: 0 };
}

/**
 * In how many parts to cut a sum.
 *
 * @param invocations of a workgroup that share it
 * @param groups workgroups that there are for each part
 */
function partsOf(terms: number, invocations: number, groups = 1): number {
  if (terms <= LONGEST * invocations) return 1;
  const mostParts = Math.floor(terms / (SHORTEST * invocations));
  return between(1, Math.floor(MOST / groups), mostParts);
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
