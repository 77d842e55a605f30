import { ShapeError } from '../errors.js';

/** Pixels down and across: a number for both, or one each. */
export type Pixels = number | readonly [height: number, width: number];

/**
 * Both numbers.
 *
 * @param operation that errors name, with `what`
 * @throws ShapeError for a list that is not of two
 */
export function pairOf(
  operation: string,
  what: string,
  pixels: Pixels,
): readonly [height: number, width: number] {
  if (typeof pixels !== 'object') return [pixels, pixels];
  if (pixels?.length === 2) return pixels;
  throw new ShapeError(
    `${operation}: expected ${what} to be one number or [height, width], got ${JSON.stringify(pixels)}`,
  );
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
