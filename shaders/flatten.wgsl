// Derivation: src/ops/flatten.ts
// x and dx (B, P, C), y and dy (B, C, P), row-major, dense; here input and output, as the case may
// be. One invocation per element of the output, so that neighbours write next to each other.
override WORKGROUP: u32 = 256;

struct Sizes { B: u32, P: u32, C: u32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn flattenForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  transposeElement(id.x + id.y * groups.x * WORKGROUP, sizes.P, sizes.C);
}

@compute @workgroup_size(WORKGROUP)
fn flattenBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  transposeElement(id.x + id.y * groups.x * WORKGROUP, sizes.C, sizes.P);
}

// Element i of B matrices (M, N) that become (N, M).
fn transposeElement(i: u32, M: u32, N: u32) {
  if (i >= sizes.B * M * N) { return; }
  let image = i / (M * N) * (M * N);
  let n = (i - image) / M;
  let m = (i - image) % M;
  output[i] = input[image + m * N + n];
}
