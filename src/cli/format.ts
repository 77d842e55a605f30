/** Numbers as people read them. */

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** `60,000`. */
export function formatCount(count: number): string {
  return GROUPED.format(count);
}

/** `60,000 images`, `1 image`. */
export function formatCounted(count: number, thing: string): string {
  return `${formatCount(count)} ${thing}${count === 1 ? '' : 's'}`;
}

/** Text cut at spaces into lines of at most `width` columns, all but the first indented. */
export function wrap(text: string, width: number, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length > width && line !== '') {
      lines.push(line);
      line = ' '.repeat(indent) + word;
    } else line = longer;
  }
  return [...lines, line].join('\n');
}

/** `97.26 %`. */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** Four digits: `0.3121`, `12.35`, `2.041e-7`. */
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
