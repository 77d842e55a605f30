export type Alignment = 'left' | 'right';

const GAP = '   ';

/**
 * A header and rows as lines, every column as wide as its widest cell.
 *
 * @param alignments one per column; the last one holds for all further columns, and all columns
 *   stand left if none is given
 */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[] = ['left'],
): string {
  const lines = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...lines.map((cells) => cells[i].length)));
  const formatLine = (cells: readonly string[]) =>
    cells.map((cell, i) => align(cell, widths[i], alignments[i] ?? alignments.at(-1))).join(GAP);
  return lines.map((cells) => formatLine(cells).trimEnd()).join('\n');
}

function align(cell: string, width: number, alignment: Alignment | undefined): string {
  return alignment === 'right' ? cell.padStart(width) : cell.padEnd(width);
}
