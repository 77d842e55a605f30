export type Alignment = 'left' | 'right';

const GAP = '   ';

/**
 * Formats a header and rows as lines. Every column is as wide as its widest cell.
 *
 * @param alignments one per column; further columns use the last one
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
