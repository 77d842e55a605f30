/** Statistics of samples, in milliseconds. */
export interface Timing {
  readonly min: number;
  readonly median: number;
  readonly p95: number;
}

/** Options of `interleave`. */
export interface InterleaveOptions {
  /** Samples per candidate. */
  readonly rounds: number;
  /** Milliseconds after which no further round starts; unlimited by default. */
  readonly budget?: number;
  /** Awaited before each sample, for example until the threads of the previous candidate sleep. */
  readonly waitIdle?: () => Promise<void>;
}

/**
 * Measures candidates in turn, A B C A B C …, so that drift of the machine's speed affects all of
 * them alike. Only one candidate runs at a time.
 *
 * @param candidates each takes one sample and returns its milliseconds, or undefined for no sample
 * @returns the samples of each candidate, in the order of the candidates
 */
export async function interleave(
  candidates: readonly (() => Promise<number | undefined>)[],
  { rounds, budget = Infinity, waitIdle }: InterleaveOptions,
): Promise<number[][]> {
  const samples = candidates.map((): number[] => []);
  const start = performance.now();
  for (let round = 0; round < rounds && performance.now() - start < budget; round++) {
    for (const [i, sample] of candidates.entries()) {
      await waitIdle?.();
      const milliseconds = await sample();
      if (milliseconds !== undefined) samples[i].push(milliseconds);
    }
  }
  return samples;
}

/**
 * Minimum, median and 95th percentile.
 *
 * @throws RangeError without samples
 */
export function summarise(samples: readonly number[]): Timing {
  if (samples.length === 0)
    throw new RangeError('summarise: expected at least one sample, got none');
  const sorted = [...samples].sort((a, b) => a - b);
  const quantile = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { min: sorted[0], median: quantile(0.5), p95: quantile(0.95) };
}
