// requires: rounded
// Exponentials. WGSL allows its own exp() an error of 3 + 2|x| units in the last place.

// eˣ for x ≤ 88; 0 for x < −87.33654, where eˣ would be subnormal. Propagates NaN.
//
//   x = n ln 2 + r, |r| ≤ ln 2 / 2        eˣ = 2ⁿ eʳ
//   eʳ = 1 + r + r²·p(r)                  p of degree 5, fitted over this interval (Cephes, expf)
//
// ln 2 is the sum of two constants; the first has so few bits that its product with n is exact, and so is
// the difference from x. A compiler that adds the constants first would lose those bits.
//
// Error: at most 1.01 ULP, with and without fused multiply-adds, and at most 1.3 ULP if the last two sums
// are reordered (measured in a simulation of each, for every 19th float32).
fn preciseExp(x: f32) -> f32 {
  let n = round(x * 1.44269504088896341);
  let r = fma(n, -1.42860677e-6, rounded(fma(n, -0.693145751953125, x)));
  var p = fma(r, 1.9875691500e-4, 1.3981999507e-3);
  p = fma(p, r, 8.3334519073e-3);
  p = fma(p, r, 4.1665795894e-2);
  p = fma(p, r, 1.6666665459e-1);
  p = fma(p, r, 5.0000001201e-1);
  let power = fma(r * r, p, r) + 1;
  return select(power * powerOf2(i32(n)), 0, x < -87.33654);
}

// 2ⁿ for −126 ≤ n ≤ 127.
fn powerOf2(n: i32) -> f32 {
  return bitcast<f32>((n + 127) << 23u);
}

// σ(x), given e = e^−|x|: 1/(1 + e) for x ≥ 0, and e/(1 + e) for x < 0.
//
// Error: at most 6.1 ULP, of which 2.6 from e (1.3 ULP of e are up to 2.6 ULP of the quotient), 1 from the
// sum, and 2.5 from the quotient, which is what WGSL allows a division. Measured with e as above: at most
// 2.44 ULP with exactly rounded division, and 2.8 ULP where a driver multiplies by the rounded reciprocal.
fn sigmoidFrom(e: f32, x: f32) -> f32 {
  return select(1, e, x < 0) / (1 + e);
}
