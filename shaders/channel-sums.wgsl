// requires: block-sum, column-reduction
// expects: COLUMNS, ROWS, finishGradients, sizes
// Split reductions of two numbers per channel over N rows of C channels. A workgroup reduces COLUMNS
// channels of one split of the rows; its invocation (j, i) walks rows i, i + ROWS, … of channel j. There
// are S splits, as many as `scratch` (S, C, 2) has room for. With several splits, a second pass combines
// them the same way: `combineGradients` for dγ and dβ, which the shader stores:
//
//   fn finishGradients(c: u32, sums: vec2f)

alias Value = vec2f;

@group(0) @binding(SCRATCH_BINDING) var<storage, read_write> scratch: array<f32>;

fn splitCount() -> u32 { return max(1, arrayLength(&scratch) / (2 * sizes.C)); }

fn storePair(split: u32, c: u32, pair: vec2f) {
  let at = 2 * (split * sizes.C + c);
  scratch[at] = pair.x;
  scratch[at + 1] = pair.y;
}

fn loadPair(split: u32, c: u32) -> vec2f {
  let at = 2 * (split * sizes.C + c);
  return vec2f(scratch[at], scratch[at + 1]);
}

// Sums the gradients over the invocations of a channel, and stores the sums or, of several splits, the
// partial sums of this one.
fn reduceGradients(gradients: Sum, split: u32, c: u32, local: vec3u) {
  let sums = sumOfColumn(valueOf(gradients), local);
  if (local.y > 0 || c >= sizes.C) { return; }
  if (splitCount() == 1) {
    finishGradients(c, sums);
  } else {
    storePair(split, c, sums);
  }
}

@compute @workgroup_size(COLUMNS, ROWS)
fn combineGradients(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(workgroup_id) group: vec3u,
) {
  let c = group.x * COLUMNS + local.x;
  let end = select(0, splitCount(), c < sizes.C);
  var gradients = Sum();
  for (var split = local.y; split < end; split += ROWS) {
    gradients = add(gradients, loadPair(split, c));
  }
  let sums = sumOfColumn(valueOf(gradients), local);
  if (local.y == 0 && c < sizes.C) { finishGradients(c, sums); }
}
