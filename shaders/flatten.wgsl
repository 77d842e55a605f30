// Derivation: src/ops/flatten.ts
// x and dx (B, P, C), y and dy (B, C, P); row-major, dense. Forward, the input is x and the output y;
// backward, the input is dy and the output dx. Each invocation writes one element of the output, so
// that neighbouring invocations write neighbouring elements.

struct Sizes { B: u32, P: u32, C: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

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

// Writes element i of the transposes (N, M) of B matrices (M, N).
fn transposeElement(i: u32, M: u32, N: u32) {
  if (i >= sizes.B * M * N) { return; }
  let image = i / (M * N) * (M * N);
  let n = (i - image) / M;
  let m = (i - image) % M;
  output[i] = input[image + m * N + n];
}
