// Derivation: src/ops/accuracy.ts
// scores (B, C), t (B), counts (K, 2) or confusion (K, K); row-major, dense. Each invocation
// classifies one row of scores. Invocations that count in the same cell use an atomic addition;
// integer addition gives the same result in any order.

// countCorrect has no K.
struct Sizes { B: u32, C: u32, K: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> counts: array<atomic<i32>>;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn countCorrect(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let n = id.x + id.y * groups.x * WORKGROUP;
  if (n >= sizes.B) { return; }
  atomicAdd(&counts[2 * t[n]], 1);
  if (predictedClass(n * sizes.C) == t[n]) { atomicAdd(&counts[2 * t[n] + 1], 1); }
}

// Here counts is confusion (K, K).
@compute @workgroup_size(WORKGROUP)
fn countConfusion(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let n = id.x + id.y * groups.x * WORKGROUP;
  if (n >= sizes.B) { return; }
  atomicAdd(&counts[t[n] * sizes.K + predictedClass(n * sizes.C)], 1);
}

// The class predicted by the row of scores that starts at index `first`: the index of its largest
// score, the lowest index on a tie. With a single score, 1 if it is positive and 0 otherwise.
fn predictedClass(first: u32) -> u32 {
  if (sizes.C == 1) { return u32(scores[first] > 0); }
  var best = 0u;
  for (var c = 1u; c < sizes.C; c++) {
    if (scores[first + c] > scores[first + best]) { best = c; }
  }
  return best;
}
