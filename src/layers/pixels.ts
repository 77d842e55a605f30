/** Pixels down and across: a number for both, or one each. */
export type Pixels = number | readonly [height: number, width: number];

export function pairOf(pixels: Pixels): readonly [height: number, width: number] {
  return typeof pixels === 'object' ? pixels : [pixels, pixels];
}

/** A layer as it was written: `maxPool2d(3, { stride: 2, padding: 1 })`. */
export function describeLayer(
  name: string,
  sizes: readonly Pixels[],
  options: Readonly<Record<string, Pixels | boolean | undefined>>,
): string {
  const format = (value: Pixels | boolean) =>
    typeof value === 'object' ? `[${value.join(', ')}]` : String(value);
  const given = Object.entries(options).flatMap(([option, value]) =>
    value === undefined ? [] : [`${option}: ${format(value)}`],
  );
  const rest = given.length > 0 ? `, { ${given.join(', ')} }` : '';
  return `${name}(${sizes.map(format).join(', ')}${rest})`;
}
