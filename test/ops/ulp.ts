/** Distances between float32 numbers, in units in the last place (ULP). */
import type { Backend } from '../../src/numerics/backend.js';

/**
 * The bound that applies to a backend. WGSL allows a division an error of 2.5 ULP, and the kernels on the
 * CPU round it exactly.
 */
export function boundOn(
  { info }: Backend,
  { cpu, gpu }: { readonly cpu: number; readonly gpu: number },
): number {
  return info.backend === 'webgpu' ? gpu : cpu;
}

/**
 * About `count` float32 numbers from `from` to `to`, which have the same sign: at equal distances in
 * ULP, so each binade gets an equal share.
 */
export function float32Between(from: number, to: number, count: number): Float32Array {
  const [first, last] = new Uint32Array(Float32Array.of(from, to).buffer);
  const stride = Math.max(1, Math.floor(Math.abs(last - first) / count)) * Math.sign(last - first);
  const length = Math.floor((last - first) / stride) + 1;
  const bits = Uint32Array.from({ length }, (_, i) => first + i * stride);
  return new Float32Array(bits.buffer);
}

/** The largest |y − f(x)| in ULP of f(x), and its x. NaN counts as an infinite error. */
export function worstUlp(
  y: ArrayLike<number>,
  x: ArrayLike<number>,
  f: (x: number) => number,
): { readonly error: number; readonly x: number } {
  let worst = { error: 0, x: x[0] };
  for (let i = 0; i < x.length; i++) {
    const want = f(x[i]);
    const error = Math.abs(y[i] - want) / ulpOf(want);
    if (!(error <= worst.error)) worst = { error: Number.isNaN(error) ? Infinity : error, x: x[i] };
  }
  return worst;
}

/** Distance between the float32 numbers around `value`, which may lie between them. */
function ulpOf(value: number): number {
  // Truncated to float32's bits, the value keeps its binade; rounded, it could move up one.
  const bits = new Uint32Array(Float64Array.of(Math.abs(value)).buffer)[1];
  const exponent = (bits >>> 20) - 1023;
  return 2 ** (Math.max(exponent, -126) - 23);
}
