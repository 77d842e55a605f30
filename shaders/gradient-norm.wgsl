// requires: block-sum, rounded, workgroup-reduction
// Derivation: src/ops/gradient-norm.ts
// dw (n), squares (P), factor (1). A tensor that ops have at different bindings has the binding as a
// suffix of its name.

alias Value = f32;

// 1/u and 1/u², and the least sum of squares that is large: 2¹⁰⁰, in units of u².
const INVERSE_UNIT = 0x1p-84f;
const INVERSE_SQUARE = INVERSE_UNIT * INVERSE_UNIT;
const LARGE = 0x1p-68f;

// dw in units of u, so that its square cannot overflow.
fn inUnits(dw: f32) -> f32 { return rounded(dw * INVERSE_UNIT); }

// A sum of squares, or −`large`, the same sum in units of u². It does not test for infinity, which
// compilers may assume away. NaN is propagated.
fn encoded(sum: f32, large: f32) -> f32 { return select(sum, -large, large >= LARGE); }

// An encoded sum in units of u².
fn inLargeUnits(sum: f32) -> f32 { return select(sum * INVERSE_SQUARE, -sum, sum < 0); }

struct Squares { n: u32, slot: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> squaring: Squares;
@group(0) @binding(0) var<storage, read_write> squares0: array<f32>;
@group(0) @binding(1) var<storage, read> dw1: array<f32>;

// Split reduction, as in split-reduction.wgsl, of encoded sums.
@group(0) @binding(SCRATCH_BINDING) var<storage, read_write> scratch: array<f32>;

// Grid-stride loop, unrolled four times with an accumulator each, so that four loads are in flight.
@compute @workgroup_size(WORKGROUP)
fn sumOfSquares(
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let stride = groups.x * WORKGROUP;
  var sums = vec4f();
  var large = vec4f();
  for (var at = group.x * WORKGROUP + i; at < squaring.n; at += 4 * stride) {
    let dw = vec4f(term(at), term(at + stride), term(at + 2 * stride), term(at + 3 * stride));
    sums += dw * dw;
    let scaled = vec4f(inUnits(dw.x), inUnits(dw.y), inUnits(dw.z), inUnits(dw.w));
    large += scaled * scaled;
  }
  let total = sumOfWorkgroup(sums.x + sums.y + sums.z + sums.w, i);
  let largeTotal = sumOfWorkgroup(large.x + large.y + large.z + large.w, i);
  let count = arrayLength(&scratch);
  if (i > 0 || group.x >= count) { return; }
  if (count == 1) {
    squares0[squaring.slot] = encoded(total, largeTotal);
  } else {
    scratch[group.x] = encoded(total, largeTotal);
  }
}

@compute @workgroup_size(WORKGROUP)
fn sumSplits(@builtin(local_invocation_index) i: u32) {
  var sum = Sum();
  var large = Sum();
  for (var s = i; s < arrayLength(&scratch); s += WORKGROUP) {
    sum = add(sum, scratch[s]);
    large = add(large, inLargeUnits(scratch[s]));
  }
  let total = sumOfWorkgroup(valueOf(sum), i);
  let largeTotal = sumOfWorkgroup(valueOf(large), i);
  if (i == 0) { squares0[squaring.slot] = encoded(total, largeTotal); }
}

// dw[at], or 0 beyond the end.
fn term(at: u32) -> f32 {
  if (at >= squaring.n) { return 0; }
  return dw1[at];
}

struct Clip { P: u32, limit: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> clipping: Clip;
@group(0) @binding(0) var<storage, read_write> factor0: array<f32>;
@group(0) @binding(1) var<storage, read> squares1: array<f32>;

// A single workgroup: P is the number of parameter tensors.
@compute @workgroup_size(WORKGROUP)
fn clipFactor(@builtin(local_invocation_index) i: u32) {
  var sum = 0.0;
  var large = 0.0;
  for (var p = i; p < clipping.P; p += WORKGROUP) {
    sum += squares1[p];
    large += inLargeUnits(squares1[p]);
  }
  let total = sumOfWorkgroup(sum, i);
  let largeTotal = sumOfWorkgroup(large, i);
  if (i > 0) { return; }
  if (largeTotal >= LARGE) {
    // 10⁻⁶ is lost in so large a norm.
    let norm = sqrt(largeTotal);
    factor0[0] = select(-clipping.limit / norm, 1, clipping.limit * INVERSE_UNIT >= norm);
    return;
  }
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
  if (i >= scaling.n) { return; }
  let factor = factor1[0];
  if (factor < 0) {
    dw0[i] = inUnits(dw0[i]) * -factor;
  } else {
    dw0[i] *= factor;
  }
}
