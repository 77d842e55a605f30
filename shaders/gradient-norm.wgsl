// Derivation: src/ops/gradient-norm.ts
// dw (n), squares (P), factor (1). Where ops have the same tensor at different bindings, its name
// here ends with the binding.
override WORKGROUP: u32 = 256; // a power of 2

struct Squares { n: u32, slot: u32 }
@group(0) @binding(8) var<uniform> squaring: Squares;
@group(0) @binding(0) var<storage, read_write> squares0: array<f32>;
@group(0) @binding(1) var<storage, read> dw1: array<f32>;

var<workgroup> partials: array<f32, WORKGROUP>;

// One workgroup. Invocation i walks four neighbours from 4 i, 4 (i + WORKGROUP), …, in four sums, so
// that loads need not wait for one another; a tree in workgroup memory adds up the invocations'.
@compute @workgroup_size(WORKGROUP)
fn sumOfSquares(@builtin(local_invocation_index) i: u32) {
  var sums = vec4f();
  for (var at = 4 * i; at < squaring.n; at += 4 * WORKGROUP) {
    sums += vec4f(square(at), square(at + 1), square(at + 2), square(at + 3));
  }
  partials[i] = sums.x + sums.y + sums.z + sums.w;
  for (var half = WORKGROUP / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (i < half) { partials[i] += partials[i + half]; }
  }
  if (i == 0) { squares0[squaring.slot] = partials[0]; }
}

// 0 beyond the end.
fn square(at: u32) -> f32 {
  if (at >= squaring.n) { return 0; }
  return dw1[at] * dw1[at];
}

struct Clip { P: u32, limit: f32 }
@group(0) @binding(8) var<uniform> clipping: Clip;
@group(0) @binding(0) var<storage, read_write> factor0: array<f32>;
@group(0) @binding(1) var<storage, read> squares1: array<f32>;

// One invocation: there are as many numbers as parameters.
@compute @workgroup_size(1)
fn clipFactor() {
  var total = 0.0;
  for (var p = 0u; p < clipping.P; p++) { total += squares1[p]; }
  let quotient = clipping.limit / (sqrt(total) + 1e-6);
  // Written so that NaN stays.
  factor0[0] = select(quotient, 1, quotient > 1);
}

struct Scale { n: u32 }
@group(0) @binding(8) var<uniform> scaling: Scale;
@group(0) @binding(0) var<storage, read_write> dw0: array<f32>;
@group(0) @binding(1) var<storage, read> factor1: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn scaleGradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i < scaling.n) { dw0[i] *= factor1[0]; }
}
