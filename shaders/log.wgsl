// requires: exp
// Logarithms for the losses. WGSL allows its own log() an absolute error of 2⁻²¹ near 1, where a loss
// is smallest.

// log x for 1 ≤ x < 2¹²⁶. Propagates NaN.
//
//   x = 2ᵉ m, √½ ≤ m ≤ √2        log x = e ln 2 + log m        log m = 2 artanh((m − 1)/(m + 1))
//
// The error of WGSL's log2 is harmless: it only affects where the range of m ends. So is that of ln 2 in
// float32, 2⁻²⁸ of it.
fn preciseLog(x: f32) -> f32 {
  let e = round(log2(x));
  let m = x * powerOf2(-i32(e));
  let logM = 2 * artanh((m - 1) / (m + 1));
  return fma(e, 0.6931471805599453, logM);
}

// log(1 + u) for 0 ≤ u ≤ 1, without forming 1 + u, which would round away a small u.
fn log1p(u: f32) -> f32 {
  return 2 * artanh(u / (2 + u));
}

// s + s³/3 + s⁵/5 + …, for |s| ≤ 1/3, where the first omitted term is below 2⁻²⁵ s.
fn artanh(s: f32) -> f32 {
  let square = s * s;
  var sum = fma(square, 1.0 / 15, 1.0 / 13);
  sum = fma(sum, square, 1.0 / 11);
  sum = fma(sum, square, 1.0 / 9);
  sum = fma(sum, square, 1.0 / 7);
  sum = fma(sum, square, 1.0 / 5);
  sum = fma(sum, square, 1.0 / 3);
  return fma(s * square, sum, s);
}
