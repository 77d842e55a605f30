// Derivation: src/ops/image-layout.ts
// Each op transposes B matrices from `input` to `output`, row-major and dense: (P, C) to (C, P) in
// channelsFirst, (C, P) to (P, C) in channelsLast. Each invocation writes one element of the output, so that
// neighbouring invocations write neighbouring elements.

struct Sizes { B: u32, P: u32, C: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn channelsFirst(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  transposeElement(id.x + id.y * groups.x * WORKGROUP, sizes.P, sizes.C);
}

@compute @workgroup_size(WORKGROUP)
fn channelsLast(
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
