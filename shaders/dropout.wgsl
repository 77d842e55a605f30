// requires: step-state-layout, threefry
// Derivation: src/ops/dropout.ts
// input (x or dy) and output (y or dx) have the same shape, with n elements. Each invocation draws one
// random block: with D = DROPOUT_BLOCKS, block D group + lane masks elements 4D group + D half + lane, for
// half = 0 … 3.

// threshold: the smallest 16-bit random value that keeps its element. scale: 1 / (1 − p).
struct Sizes { n: u32, seed: u32, stream: u32, threshold: u32, scale: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

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
  let first = 4 * DROPOUT_BLOCKS * (block / DROPOUT_BLOCKS) + block % DROPOUT_BLOCKS;
  keep(first, words.x & 0xFFFF);
  keep(first + DROPOUT_BLOCKS, words.x >> 16);
  keep(first + 2 * DROPOUT_BLOCKS, words.y & 0xFFFF);
  keep(first + 3 * DROPOUT_BLOCKS, words.y >> 16);
}

fn keep(i: u32, random: u32) {
  if (i >= sizes.n) { return; }
  output[i] = select(0, input[i] * sizes.scale, random >= sizes.threshold);
}
