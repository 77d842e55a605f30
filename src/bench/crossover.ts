import type { Splits } from '../data/dataset.js';
import { take } from '../data/subset.js';
import type { Recipe } from '../recipes.js';
import { recipeTrainer } from '../train-recipe.js';
import { type Candidate, identify, labelOf } from './candidate.js';
import { timeInterleaved, type Workload } from './harness.js';
import { matmulCase } from './matmul.js';
import { openCase } from './op-case.js';
import { lossesOf } from './train.js';
import { lossFault } from './verify.js';

/**
 * The size from which each candidate is faster than the first one. The field names are the keys of
 * `--json`.
 */
export interface Crossover {
  readonly op: 'matmul' | 'train';
  readonly recipe?: string;
  /** The size that grows: n of a product n×n×n, or the batch size. */
  readonly size: 'n' | 'batch';
  /** Labels of the candidates. */
  readonly candidates: readonly string[];
  readonly points: readonly CrossoverPoint[];
  /** One for each candidate but the first. */
  readonly wins: readonly Win[];
}

export interface CrossoverPoint {
  readonly size: number;
  /** Median milliseconds of one product or step; null for a candidate that would take too long. */
  readonly ms: readonly (number | null)[];
}

export interface Win {
  readonly candidate: string;
  /** The smallest size from which it was faster at every measured size; null if there is none. */
  readonly from: number | null;
  /** The largest size at which both were timed; null if there is none. */
  readonly upTo: number | null;
}

export const CROSSOVER_SIZES: readonly number[] = [32, 64, 128, 256, 512, 1024, 2048];
export const CROSSOVER_BATCHES: readonly number[] = [16, 32, 64, 128, 256, 512, 1024];

/** The workload of one candidate at one size. */
type SizedWorkload = Workload & {
  /** Products or steps of one run. */
  readonly units: number;
  release(): Promise<void> | void;
};

interface Sweep {
  readonly candidates: readonly Candidate[];
  readonly sizes: readonly number[];
  readonly repeat: number;
  /** Limit for all samples of one candidate at one size: see `crossMatmul`. */
  readonly limitSeconds: number;
  open(candidate: Candidate, size: number): Promise<SizedWorkload>;
  /** Estimated ratio of the times at two sizes. */
  growth(from: number, to: number): number;
}

type Limits = Pick<Sweep, 'repeat' | 'limitSeconds'>;

/**
 * Times products of n×n×n at growing n.
 *
 * @param limits a candidate skips a size, and all larger ones, if its samples would take longer than
 *   `limitSeconds`, as estimated from the previous size
 * @throws Error when a product differs from the reference
 */
export function crossMatmul(
  candidates: readonly Candidate[],
  sizes: readonly number[],
  limits: Limits,
): Promise<Crossover> {
  const open = async ({ backend }: Candidate, n: number): Promise<SizedWorkload> => {
    const shape = { m: n, k: n, n, transpose: 'NN' } as const;
    const opened = await openCase(backend.runtime, matmulCase(shape));
    if (opened.verified) return { ...opened, units: 1 };
    opened.release();
    throw new Error(
      `bench: expected the product at n = ${n} to equal the reference, got a different one`,
    );
  };
  const growth = (from: number, to: number) => (to / from) ** 3;
  return crossOver({ op: 'matmul', size: 'n' }, { candidates, sizes, ...limits, open, growth });
}

/** Steps of one epoch of the timed runs. */
const STEPS = 8;

/**
 * Times a recipe's training steps at growing batch sizes; for the limits, see `crossMatmul`.
 *
 * @throws Error when the first loss differs from that of the first candidate
 */
export function crossTrain(
  candidates: readonly Candidate[],
  recipe: Recipe,
  digits: Splits,
  batches: readonly number[],
  limits: Limits,
): Promise<Crossover> {
  const { train } = recipe.prepare(digits, 0);
  /** Losses of the first candidate, by batch size. */
  const firstLosses = new Map<number, readonly number[]>();
  const open = async (candidate: Candidate, batchSize: number): Promise<SizedWorkload> => {
    const units = Math.min(STEPS, Math.floor(train.size / batchSize));
    const data = take(train, units * batchSize);
    // A separate backend: closing it frees all tensors of the trainer.
    const backend = await candidate.open();
    try {
      const trainer = recipeTrainer(recipe, { backend, batchSize });
      const got = await lossesOf(trainer, data, 1);
      const want = firstLosses.get(batchSize) ?? got;
      firstLosses.set(batchSize, want);
      if (lossFault(got, want) !== undefined) {
        throw new Error(
          `bench: expected the first loss ${want} at batch size ${batchSize}, got ${got} on ${labelOf(identify(candidate))}`,
        );
      }
      return {
        units,
        run: (epochs) => trainer.fit(data, { epochs }),
        release: () => backend.close(),
      };
    } catch (error) {
      await backend.close();
      throw error;
    }
  };
  const growth = (from: number, to: number) => to / from;
  const sizes = batches.filter((batch) => batch <= train.size);
  return crossOver(
    { op: 'train', recipe: recipe.name, size: 'batch' },
    { candidates, sizes, ...limits, open, growth },
  );
}

async function crossOver(
  subject: Pick<Crossover, 'op' | 'recipe' | 'size'>,
  sweep: Sweep,
): Promise<Crossover> {
  const labels = sweep.candidates.map((candidate) => labelOf(identify(candidate)));
  const points: CrossoverPoint[] = [];
  for (const size of [...sweep.sizes].sort((a, b) => a - b)) {
    const fit = sweep.candidates.map((_, i) => isInTime(points.at(-1), i, size, sweep));
    // Fewer than two candidates leave nothing to compare.
    if (fit.filter(Boolean).length < Math.min(2, labels.length)) break;
    points.push({ size, ms: await timesAt(size, fit, sweep) });
  }
  const wins = labels.slice(1).map((label, i) => winOf(label, i + 1, points));
  return { ...subject, candidates: labels, points, wins };
}

/** Whether warm-up and samples at a size are estimated to finish within the limit. */
function isInTime(
  before: CrossoverPoint | undefined,
  i: number,
  size: number,
  { growth, repeat, limitSeconds }: Sweep,
): boolean {
  if (!before) return true;
  const last = before.ms[i];
  if (last === null) return false;
  return last * growth(before.size, size) * (repeat + 1) <= 1000 * limitSeconds;
}

/** Median milliseconds of each candidate; null for those that do not fit. */
async function timesAt(
  size: number,
  fit: readonly boolean[],
  { candidates, repeat, open }: Sweep,
): Promise<(number | null)[]> {
  const opened: SizedWorkload[] = [];
  try {
    for (const [i, candidate] of candidates.entries()) {
      if (fit[i]) opened.push(await open(candidate, size));
    }
    const timings = (await timeInterleaved(opened, repeat)).values();
    const units = opened.map((workload) => workload.units).values();
    return fit.map((fits) => {
      if (!fits) return null;
      return (timings.next().value?.median ?? 0) / (units.next().value ?? 1);
    });
  } finally {
    for (const { release } of opened) await release();
  }
}

/** The size from which the i-th candidate was faster than the first. */
function winOf(label: string, i: number, points: readonly CrossoverPoint[]): Win {
  const compared = points.filter(({ ms }) => ms[0] !== null && ms[i] !== null);
  const isFaster = ({ ms }: CrossoverPoint) => Number(ms[i]) < Number(ms[0]);
  const lastLoss = compared.findLastIndex((point) => !isFaster(point));
  return {
    candidate: label,
    from: compared.at(lastLoss + 1)?.size ?? null,
    upTo: compared.at(-1)?.size ?? null,
  };
}
