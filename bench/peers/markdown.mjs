/** @param {readonly string[]} alignments `---` for left, `---:` for right, one a column */
export function formatTable(header, alignments, rows) {
  return [header, alignments, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Any text, so that it does not end its cell. */
export function inCell(text) {
  return text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();
}
