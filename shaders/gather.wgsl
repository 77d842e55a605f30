// requires: step-state-layout
// Derivation: src/ops/gather.ts
// x (B, F), data (N, F) as f32 or as bytes, four to a word, index (N), t (B), labels (N); row-major,
// dense. Each invocation copies one element of x or t.

@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> state: StepState;

struct Sizes { B: u32, F: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read> floats: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn gatherReals(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i >= sizes.B * sizes.F) { return; }
  x[i] = floats[row(i / sizes.F) * sizes.F + i % sizes.F];
}

fn row(n: u32) -> u32 {
  return index[state.position + n];
}

// scale: 1 / (255 std). shift: −mean / std.
struct Normalisation { B: u32, F: u32, scale: f32, shift: f32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> normalisation: Normalisation;
@group(0) @binding(1) var<storage, read> words: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn gatherBytes(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  let F = normalisation.F;
  if (i >= normalisation.B * F) { return; }
  let byte = byteAt(row(i / F) * F + i % F);
  x[i] = f32(byte) * normalisation.scale + normalisation.shift;
}

fn byteAt(at: u32) -> u32 {
  return extractBits(words[at / 4], 8 * (at % 4), 8);
}

struct Labels { B: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> batch: Labels;
@group(0) @binding(0) var<storage, read_write> t: array<u32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn gatherLabels(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = id.x + id.y * groups.x * WORKGROUP;
  if (n < batch.B) { t[n] = labels[row(n)]; }
}
