/** Markdown tables. */

/** @param {readonly string[]} alignments one per column: `---` for left, `---:` for right */
export function formatTable(header, alignments, rows) {
  return [header, alignments, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Escapes text for a cell of a table. */
export function inCell(text) {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
}
