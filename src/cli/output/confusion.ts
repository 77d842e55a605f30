import { formatCount, formatPercent } from './format.js';
import { formatTable } from './table.js';

/**
 * Counts (K, K), a row per true class and a column per predicted one, as a table; zeros are left
 * out, so that the mistakes stand out.
 */
export function formatConfusion(counts: ArrayLike<number>, names: readonly string[]): string {
  const rows = confusionRows(counts, names.length).map((row, t) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count) => (count === 0 ? '·' : formatCount(count)));
    return [names[t], ...cells, total === 0 ? '–' : formatPercent(row[t] / total)];
  });
  return formatTable(['true', ...names, 'right'], rows, ['left', 'right']);
}

/** (K, K) as K rows. */
export function confusionRows(counts: ArrayLike<number>, K: number): number[][] {
  return Array.from({ length: K }, (_, t) =>
    Array.from({ length: K }, (_, y) => counts[t * K + y]),
  );
}
