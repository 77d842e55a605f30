// requires: split-reduction, workgroup-reduction
// Derivation: src/ops/gradient-norm.ts
// dw (n), squares (P), factor (1). A tensor that ops have at different bindings has the binding as a
// suffix of its name.

struct Squares { n: u32, slot: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> squaring: Squares;
@group(0) @binding(0) var<storage, read_write> squares0: array<f32>;
@group(0) @binding(1) var<storage, read> dw1: array<f32>;

// Grid-stride loop, unrolled four times with an accumulator each, so that four loads are in flight.
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
  reduceSplit(sums.x + sums.y + sums.z + sums.w, group.x, i);
}

fn finish(total: f32) { squares0[squaring.slot] = total; }

// dw[at]², or 0 beyond the end.
fn square(at: u32) -> f32 {
  if (at >= squaring.n) { return 0; }
  return dw1[at] * dw1[at];
}

struct Clip { P: u32, limit: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> clipping: Clip;
@group(0) @binding(0) var<storage, read_write> factor0: array<f32>;
@group(0) @binding(1) var<storage, read> squares1: array<f32>;

// A single workgroup: P is the number of parameter tensors.
@compute @workgroup_size(WORKGROUP)
fn clipFactor(@builtin(local_invocation_index) i: u32) {
  var sum = 0.0;
  for (var p = i; p < clipping.P; p += WORKGROUP) { sum += squares1[p]; }
  let total = sumOfWorkgroup(sum, i);
  if (i > 0) { return; }
  let quotient = clipping.limit / (sqrt(total) + 1e-6);
  // The select propagates NaN.
  factor0[0] = select(quotient, 1, quotient > 1);
}

struct Scale { n: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> scaling: Scale;
@group(0) @binding(0) var<storage, read_write> dw0: array<f32>;
@group(0) @binding(1) var<storage, read> factor1: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn scaleGradient(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i < scaling.n) { dw0[i] *= factor1[0]; }
}
