import type { Splits } from '../src/data/dataset.js';
import { take } from '../src/data/subset.js';
import type { Recipe } from '../src/recipes.js';
import { recipeTrainer } from '../src/train-recipe.js';
import { type Contender, identify, labelOf } from './contender.js';
import { type Contestant, race } from './harness.js';
import { matmulCase } from './matmul.js';
import { openCase } from './op-case.js';
import { close, lossesOf } from './train.js';

/** From which size on a contender is faster than the first one. */
export interface Crossover {
  readonly op: 'matmul' | 'train';
  readonly recipe?: string;
  /** What grows: n of products n×n×n, or the examples in a batch. */
  readonly size: 'n' | 'batch';
  readonly contenders: readonly string[];
  readonly points: readonly CrossoverPoint[];
  /** One for each contender but the first. */
  readonly wins: readonly Win[];
}

export interface CrossoverPoint {
  readonly size: number;
  /** Median milliseconds of one product or step; null of a contender that would take too long. */
  readonly ms: readonly (number | null)[];
}

export interface Win {
  readonly contender: string;
  /** The smallest size from which it was faster at every size tried; null for none. */
  readonly from: number | null;
  /** The largest size at which both were timed; null for none. */
  readonly upTo: number | null;
}

export const CROSSOVER_SIZES: readonly number[] = [32, 64, 128, 256, 512, 1024, 2048];
export const CROSSOVER_BATCHES: readonly number[] = [16, 32, 64, 128, 256, 512, 1024];

/** A contestant at one size. */
type Sized = Contestant & {
  /** Products or steps of one run. */
  readonly parts: number;
  release(): Promise<void> | void;
};

interface Sweep {
  readonly contenders: readonly Contender[];
  readonly sizes: readonly number[];
  readonly repeat: number;
  /** What the samples of one contender at one size may take: see `crossMatmul`. */
  readonly limitSeconds: number;
  open(contender: Contender, size: number): Promise<Sized>;
  /** How many times as long a larger size takes. */
  growth(from: number, to: number): number;
}

type Limits = Pick<Sweep, 'repeat' | 'limitSeconds'>;

/**
 * Times products of n×n×n at growing n.
 *
 * @param limits a contender whose samples of a size are likely to take longer than `limitSeconds`,
 *   to judge from the size before, is asked neither for it nor for any larger one
 * @throws Error when a product is not the reference's
 */
export function crossMatmul(
  contenders: readonly Contender[],
  sizes: readonly number[],
  limits: Limits,
): Promise<Crossover> {
  const open = async ({ backend }: Contender, n: number): Promise<Sized> => {
    const shape = { m: n, k: n, n, transpose: 'NN' } as const;
    const opened = await openCase(backend.device, matmulCase(shape));
    if (opened.verified) return { ...opened, parts: 1 };
    opened.release();
    throw new Error(`bench: expected the reference's product at n = ${n}, got another`);
  };
  const growth = (from: number, to: number) => (to / from) ** 3;
  return crossOver({ op: 'matmul', size: 'n' }, { contenders, sizes, ...limits, open, growth });
}

/** Steps of one epoch of the timed runs. */
const STEPS = 8;

/**
 * Times a recipe's training steps at growing batch sizes; for the limits, see `crossMatmul`.
 *
 * @throws Error when the first loss is not that of the first contender
 */
export function crossTrain(
  contenders: readonly Contender[],
  recipe: Recipe,
  digits: Splits,
  batches: readonly number[],
  limits: Limits,
): Promise<Crossover> {
  const { train } = recipe.prepare(digits, 0);
  /** Of the contender that was opened first, by batch size. */
  const firstLosses = new Map<number, readonly number[]>();
  const open = async (contender: Contender, batchSize: number): Promise<Sized> => {
    const parts = Math.min(STEPS, Math.floor(train.size / batchSize));
    const data = take(train, parts * batchSize);
    // A backend of its own, which takes all of the trainer's tensors with it.
    const backend = await contender.open();
    try {
      const trainer = recipeTrainer(recipe, { backend, batchSize });
      const got = await lossesOf(trainer, data, 1);
      const want = firstLosses.get(batchSize) ?? got;
      firstLosses.set(batchSize, want);
      if (!close(got, want)) {
        throw new Error(
          `bench: expected the first loss ${want} at batch size ${batchSize}, got ${got} on ${labelOf(identify(contender))}`,
        );
      }
      return {
        parts,
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
    { contenders, sizes, ...limits, open, growth },
  );
}

async function crossOver(
  subject: Pick<Crossover, 'op' | 'recipe' | 'size'>,
  sweep: Sweep,
): Promise<Crossover> {
  const contenders = sweep.contenders.map((contender) => labelOf(identify(contender)));
  const points: CrossoverPoint[] = [];
  for (const size of [...sweep.sizes].sort((a, b) => a - b)) {
    const fit = sweep.contenders.map((_, i) => isInTime(points.at(-1), i, size, sweep));
    // Nothing is compared any more.
    if (fit.filter(Boolean).length < Math.min(2, contenders.length)) break;
    points.push({ size, ms: await timesAt(size, fit, sweep) });
  }
  const wins = contenders.slice(1).map((contender, i) => winOf(contender, i + 1, points));
  return { ...subject, contenders, points, wins };
}

/** Whether the warm-up and the samples of a size are likely to end within the limit. */
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

/** Milliseconds of each contender, in turn; null of those that do not fit. */
async function timesAt(
  size: number,
  fit: readonly boolean[],
  { contenders, repeat, open }: Sweep,
): Promise<(number | null)[]> {
  const opened: Sized[] = [];
  try {
    for (const [i, contender] of contenders.entries()) {
      if (fit[i]) opened.push(await open(contender, size));
    }
    const timings = (await race(opened, repeat)).values();
    const parts = opened.map((sized) => sized.parts).values();
    return fit.map((fits) => {
      if (!fits) return null;
      return (timings.next().value?.median ?? 0) / (parts.next().value ?? 1);
    });
  } finally {
    for (const { release } of opened) await release();
  }
}

/** From where on the i-th contender was faster than the first. */
function winOf(contender: string, i: number, points: readonly CrossoverPoint[]): Win {
  const compared = points.filter(({ ms }) => ms[0] !== null && ms[i] !== null);
  const isFaster = ({ ms }: CrossoverPoint) => Number(ms[i]) < Number(ms[0]);
  const lastLoss = compared.findLastIndex((point) => !isFaster(point));
  return {
    contender,
    from: compared.at(lastLoss + 1)?.size ?? null,
    upTo: compared.at(-1)?.size ?? null,
  };
}
