// requires: step-state-layout
// Derivation: src/ops/adam.ts
// w, m, v, dw have the same shape, with n elements; schedule (R). Each invocation updates one element.
// The bias corrections are folded into the learning rate and into the square root:
//
//   η m̂ / (√v̂ + ε) = (η / (1 − β₁ᵗ)) m / (√v / √(1 − β₂ᵗ) + ε)

// complement: 1 − β, computed in float64, because a difference of two float32 values would lose digits.
struct Sizes {
  n: u32,
  beta1: f32,
  complement1: f32,
  beta2: f32,
  complement2: f32,
  epsilon: f32,
  weightDecay: f32,
}
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

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

// Updates both moments and returns η m̂ / (√v̂ + ε).
fn change(i: u32, g: f32) -> f32 {
  m[i] = sizes.beta1 * m[i] + sizes.complement1 * g;
  v[i] = sizes.beta2 * v[i] + sizes.complement2 * g * g;
  let rate = schedule[state.row] / complementOfPower(sizes.complement1, state.step);
  let root = sqrt(v[i]) / sqrt(complementOfPower(sizes.complement2, state.step));
  return rate * m[i] / (root + sizes.epsilon);
}

// 1 − βᵗ from 1 − β, by repeated squaring. With a = 1 − βᵏ and b = 1 − βⁿ,
//
//   1 − βᵏ⁺ⁿ = 1 − (1 − a)(1 − b) = a + b (1 − a)
//
// Both terms are positive, so nothing cancels.
fn complementOfPower(complement: f32, t: u32) -> f32 {
  var result = 0.0;
  var square = complement;
  for (var bits = t; bits > 0; bits >>= 1u) {
    if ((bits & 1u) == 1u) { result += square * (1 - result); }
    square += square * (1 - square);
  }
  return result;
}
