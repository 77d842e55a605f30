// Derivation: src/ops/accuracy.ts
// scores (B, C), t (B), confusion (K, K), row-major, dense. An invocation per row of scores; those
// of the same cell meet in an atomic addition, which for integers gives the same in any order.
override WORKGROUP: u32 = 256;

struct Sizes { B: u32, C: u32, K: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> confusion: array<atomic<i32>>;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn countConfusion(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let n = id.x + id.y * groups.x * WORKGROUP;
  if (n >= sizes.B) { return; }
  atomicAdd(&confusion[t[n] * sizes.K + predictedClass(n * sizes.C)], 1);
}

// Of the row that begins at `first`: its first largest score; of one column, whether it is above 0.
fn predictedClass(first: u32) -> u32 {
  if (sizes.C == 1) { return u32(scores[first] > 0); }
  var best = 0u;
  for (var c = 1u; c < sizes.C; c++) {
    if (scores[first + c] > scores[first + best]) { best = c; }
  }
  return best;
}
