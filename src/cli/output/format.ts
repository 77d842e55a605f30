/** Formats numbers and text for people. */

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `60,000`. */
export function formatCount(count: number): string {
  return GROUPED.format(count);
}

/** `60,000 images`, `1 image`. */
export function formatCounted(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/**
 * Breaks text after commas and semicolons outside parentheses, so that every line fits into `width`
 * columns together with `indent`. The caller prints the first line's indent.
 */
export function wrap(text: string, indent: string, width: number): string {
  const lines: string[] = [];
  for (const part of text.split(/(?<=[,;]) (?![^(]*\))/)) {
    const line = lines.pop();
    const longer = line === undefined ? part : `${line} ${part}`;
    if (line === undefined || indent.length + longer.length <= width) lines.push(longer);
    else lines.push(line, part);
  }
  return lines.join(`\n${indent}`);
}

/** `97.26 %`. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** Four significant digits: `0.3121`, `12.35`, `2.041e-7`. */
export function formatLoss(loss: number): string {
  return loss.toPrecision(4);
}

/** `0.42`, `12.3`, `184`: without the unit. */
export function formatSeconds(seconds: number): string {
  return seconds.toFixed(Math.max(0, Math.min(2, 2 - Math.floor(Math.log10(seconds || 1)))));
}

/** `96 bytes`, `101.4 KiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
