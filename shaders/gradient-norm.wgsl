// Derivation: src/ops/gradient-norm.ts
// dw (n), squares (P), factor (1). Where ops have the same tensor at different bindings, its name
// here ends with the binding. Behind parts.wgsl.
override WORKGROUP: u32 = 256; // a power of 2

struct Squares { n: u32, slot: u32 }
@group(0) @binding(8) var<uniform> squaring: Squares;
@group(0) @binding(0) var<storage, read_write> squares0: array<f32>;
@group(0) @binding(1) var<storage, read> dw1: array<f32>;

// The invocations of all workgroups take elements in turn, four at a time, in four sums, so that loads
// need not wait for one another.
@compute @workgroup_size(WORKGROUP)
fn sumOfSquares(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let stride = groups.x * WORKGROUP;
  var sums = vec4f();
  for (var at = group.x * WORKGROUP + i; at < squaring.n; at += 4 * stride) {
    sums += vec4f(
      square(at), square(at + stride), square(at + 2 * stride), square(at + 3 * stride)
    );
  }
  finishOrLeave(sums.x + sums.y + sums.z + sums.w, group.x, i);
}

fn finish(total: f32) { squares0[squaring.slot] = total; }

// 0 beyond the end.
fn square(at: u32) -> f32 {
  if (at >= squaring.n) { return 0; }
  return dw1[at] * dw1[at];
}

struct Clip { P: u32, limit: f32 }
@group(0) @binding(8) var<uniform> clipping: Clip;
@group(0) @binding(0) var<storage, read_write> factor0: array<f32>;
@group(0) @binding(1) var<storage, read> squares1: array<f32>;

// One workgroup: there are as many numbers as parameters.
@compute @workgroup_size(WORKGROUP)
fn clipFactor(@builtin(local_invocation_index) i: u32) {
  var sum = 0.0;
  for (var p = i; p < clipping.P; p += WORKGROUP) { sum += squares1[p]; }
  let total = sumOfWorkgroup(sum, i);
  if (i > 0) { return; }
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
