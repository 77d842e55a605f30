// Derivation: src/ops/adam.ts
// w, m, v, dw of one shape with n elements, one invocation each; schedule (R). The bias corrections
// are folded into the learning rate and into the root:
//
//   η m̂ / (√v̂ + ε) = (η / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε)
override WORKGROUP: u32 = 256;

// rest: 1 − β, which as a difference of two float32 would have lost its digits.
struct Sizes {
  n: u32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  epsilon: f32,
  weightDecay: f32,
}
@group(0) @binding(8) var<uniform> sizes: Sizes;

struct StepState { step: i32, row: u32, position: u32, unused: u32 }

@group(0) @binding(0) var<storage, read_write> w: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<storage, read_write> v: array<f32>;
@group(0) @binding(3) var<storage, read> dw: array<f32>;
@group(0) @binding(4) var<storage, read> schedule: array<f32>;
@group(0) @binding(5) var<storage, read> state: StepState;

@compute @workgroup_size(WORKGROUP)
fn adamUpdate(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  let g = dw[i] + sizes.weightDecay * w[i];
  w[i] -= change(i, g);
}

@compute @workgroup_size(WORKGROUP)
fn adamWUpdate(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.n) { return; }
  let kept = 1 - schedule[state.row] * sizes.weightDecay;
  w[i] = kept * w[i] - change(i, dw[i]);
}

// η m̂ / (√v̂ + ε), when both moments have moved on.
fn change(i: u32, g: f32) -> f32 {
  m[i] = sizes.beta1 * m[i] + sizes.rest1 * g;
  v[i] = sizes.beta2 * v[i] + sizes.rest2 * g * g;
  let rate = schedule[state.row] / restOfPower(sizes.rest1, state.step);
  let root = sqrt(v[i]) / sqrt(restOfPower(sizes.rest2, state.step));
  return rate * m[i] / (root + sizes.epsilon);
}

// 1 − βᵗ, from 1 − β, by squaring. With a = 1 − βᵏ and b = 1 − βⁿ,
//
//   1 − βᵏ⁺ⁿ = 1 − (1 − a)(1 − b) = a + b (1 − a)
//
// where nothing cancels.
fn restOfPower(rest: f32, t: i32) -> f32 {
  var result = 0.0;
  var square = rest;
  for (var bits = t; bits > 0; bits >>= 1u) {
    if ((bits & 1) == 1) { result += square * (1 - result); }
    square += square * (1 - square);
  }
  return result;
}
