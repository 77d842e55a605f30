import { formatCount, formatPercent } from './format.js';
import { formatTable } from './table.js';

/**
 * Formats confusion counts (K, K) as a table: a row per true class, a column per predicted class.
 * Zeros are dots, so that mistakes stand out.
 */
export function formatConfusion(counts: ArrayLike<number>, names: readonly string[]): string {
  const rows = confusionRows(counts, names.length).map((row, t) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count) => (count === 0 ? '·' : formatCount(count)));
    return [names[t], ...cells, total === 0 ? '–' : formatPercent(row[t] / total)];
  });
  const table = formatTable(['true', ...names, 'correct'], rows, ['left', 'right']);
  return `confusion matrix, a column per predicted class\n${table}`;
}

/** Splits (K, K) counts into K rows. */
export function confusionRows(counts: ArrayLike<number>, K: number): number[][] {
  return Array.from({ length: K }, (_, t) =>
    Array.from({ length: K }, (_, y) => counts[t * K + y]),
  );
}
