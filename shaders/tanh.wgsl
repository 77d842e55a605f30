// requires: exp
// Derivation: src/ops/tanh.ts
// All tensors have the same shape, with n elements. Each invocation computes one element.

struct Sizes { n: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn tanhForward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  y[i] = preciseTanh(x[i]);
}

// With a = |x|:
//
//   a < 0.625    x + x³·p(x²), p of degree 4 (Cephes, tanhf)
//   otherwise    sign(x) (1 − 2 / (e²ᵃ + 1)), where no digits cancel
//
// Error: at most 3.4 ULP with the division that WGSL allows, as the quotient is at most 0.45 and the result
// at least 0.55: 1.6 from the denominator, 1.25 from the quotient, 0.5 from the difference.
fn preciseTanh(x: f32) -> f32 {
  let square = x * x;
  var p = fma(square, -5.70498872745e-3, 2.06390887954e-2);
  p = fma(p, square, -5.37397155531e-2);
  p = fma(p, square, 1.33314422036e-1);
  p = fma(p, square, -3.33332819422e-1);
  let small = fma(p * square, x, x);
  // tanh(a) rounds to 1 for a ≥ 10. The select propagates NaN.
  let a = select(abs(x), 10, abs(x) > 10);
  let large = 1 - 2 / (preciseExp(2 * a) + 1);
  return select(select(large, -large, x < 0), small, a < 0.625);
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> y2: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn tanhBackward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  dx[i] = dy[i] * (1 - y2[i] * y2[i]);
}
