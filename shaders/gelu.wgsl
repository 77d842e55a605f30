// requires: exp, rounded
// Derivation: src/ops/gelu.ts
// All tensors have the same shape, with n elements. Each invocation computes one element.

struct Sizes { n: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

// y = max(x, 0) − t Q(t)
//
// Error: 4.6 ULP above the bounds of assembly/gelu.ts at most. WGSL allows a division 2 ULP more than exact
// rounding, which are up to 4 ULP of y, and 0.3 ULP of e^(−h²/2) are up to 0.6. The same holds backward.
@compute @workgroup_size(WORKGROUP)
fn geluForward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  let t = distance(x[i]);
  y[i] = select(x[i], 0, x[i] < 0) - (t * tailRatio(t)) * bell(t);
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> xRead: array<f32>;

// dx = dy (Φ(x) + x φ(x))
@compute @workgroup_size(WORKGROUP)
fn geluBackward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  let x = xRead[i];
  let t = distance(x);
  let density = bell(t) * 0.3989422804014327;
  let tail = tailRatio(t) * bell(t);
  let distribution = select(1 - tail, tail, x < 0);
  dx[i] = dy[i] * fma(select(t, -t, x < 0), density, distribution);
}

// t = min(|x|, 14). e^(−t²/2) is 0 for t ≥ 13.3, and the limit avoids ∞ · 0 = NaN. The select
// propagates NaN.
fn distance(x: f32) -> f32 {
  return select(abs(x), 14, abs(x) > 14);
}

// e^(−t²/2). The rounding of t² alone would cause an error of 40 units in the last place.
// Therefore t = h + (t − h), where h has 12 significant bits, so its square is exact:
//
//   t²/2 = h²/2 + r,  r = (t − h)(t + h)/2, |r| < 0.03
//   e^(−t²/2) = e^(−h²/2) (1 − r + r²/2 − r³/6)
fn bell(t: f32) -> f32 {
  let h = bitcast<f32>((bitcast<u32>(t) + 0x800) & 0xFFFFF000);
  let r = rounded(t - h) * ((t + h) * 0.5);
  let e = preciseExp(-0.5 * (h * h));
  let s = fma(fma(r, -1.0 / 6, 0.5), r, -1);
  return fma(e * r, s, e);
}

// Q(t) / e^(−t²/2) as a quotient of polynomials: see assembly/gelu.ts.
fn tailRatio(t: f32) -> f32 {
  var p = fma(t, 0.004015935898359963, 0.03995535174127911);
  p = fma(p, t, 0.18122095780154995);
  p = fma(p, t, 0.4355699312568599);
  p = fma(p, t, 0.5);
  var q = fma(t, 0.01006631413847713, 0.10016063920635787);
  q = fma(q, t, 0.46415387816311277);
  q = fma(q, t, 1.1941269104136591);
  q = fma(q, t, 1.6690247787976646);
  q = fma(q, t, 1);
  return p / q;
}
