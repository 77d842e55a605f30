// Logarithms for the losses. There is only one per row or example, so they use float64, and small code
// matters more than speed: AssemblyScript's standard library would add 6 KB of tables.

/**
 * log x for x > 0.
 *
 *   x = 2ᵉ m, √½ ≤ m < √2        log x = e ln 2 + log m        log m = 2 artanh((m − 1)/(m + 1))
 *
 * Error: below 10⁻¹² relative to max(1, |log x|). NaN and ∞ are returned unchanged.
 */
export function log(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<u64>(x);
  let e = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > Math.SQRT2) {
    m *= 0.5;
    e += 1;
  }
  return <f64>e * Math.LN2 + 2 * artanh((m - 1) / (m + 1));
}

/** log(1 + u) for 0 ≤ u ≤ 1, without rounding 1 + u. Relative error: below 10⁻¹². */
export function log1p(u: f64): f64 {
  return 2 * artanh(u / (2 + u));
}

/** artanh s = s + s³/3 + s⁵/5 + …, for |s| ≤ 1/3, where the first omitted term is below 10⁻¹² s. */
function artanh(s: f64): f64 {
  const square = s * s;
  let sum: f64 = 0;
  for (let odd = 23; odd > 0; odd -= 2) sum = sum * square + 1 / <f64>odd;
  return s * sum;
}
