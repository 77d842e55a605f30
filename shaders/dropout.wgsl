// Derivation: src/ops/dropout.ts
// input (x or dy) and output (y or dx) of one shape with n elements. One invocation per random
// block: block 4g + l makes the masks of elements 16g + 4h + l, h = 0 … 3. Behind threefry.wgsl.
override WORKGROUP: u32 = 256;

// threshold: the smallest half that keeps its element. scale: 1 / (1 − p).
struct Sizes { n: u32, seed: u32, stream: u32, threshold: u32, scale: f32 }
@group(0) @binding(8) var<uniform> sizes: Sizes;

struct StepState { step: u32, row: u32, position: u32, unused: u32 }

@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> state: StepState;

@compute @workgroup_size(WORKGROUP)
fn dropoutForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  mask(id.x + id.y * groups.x * WORKGROUP);
}

@compute @workgroup_size(WORKGROUP)
fn dropoutBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  mask(id.x + id.y * groups.x * WORKGROUP);
}

fn mask(block: u32) {
  let words = threefry2x32(vec2u(sizes.seed, sizes.stream), vec2u(block, state.step));
  let first = 16 * (block / 4) + block % 4;
  keep(first, words.x & 0xFFFF);
  keep(first + 4, words.x >> 16);
  keep(first + 8, words.y & 0xFFFF);
  keep(first + 12, words.y >> 16);
}

fn keep(i: u32, half: u32) {
  if (i >= sizes.n) { return; }
  output[i] = select(0, input[i] * sizes.scale, half >= sizes.threshold);
}
