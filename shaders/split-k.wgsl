// requires: block-sum
// expects: bias, gemmShape
// Split-K of a GEMM: K is split into S ranges, as many as `scratch` (S, R, G, N) has room for. The
// workgroups of each split write partial sums there, and a second pass (sumSplits) reduces them. A
// single split writes to C directly. The order of summation depends only on shapes and tiling.
alias Value = vec4f;

@group(0) @binding(0) var<storage, read_write> C: array<f32>;
@group(0) @binding(SCRATCH_BINDING) var<storage, read_write> scratch: array<f32>;

fn splitCount() -> u32 { return max(1, arrayLength(&scratch) / resultSize()); }

fn resultSize() -> u32 {
  let shape = gemmShape();
  return shape.R * shape.G * shape.N;
}

// Stores an element of C, or its partial sum of a split.
fn storeSum(split: u32, at: u32, sum: f32) {
  if (splitCount() == 1) {
    C[at] = sum;
  } else {
    scratch[split * resultSize() + at] = sum;
  }
}

@compute @workgroup_size(WORKGROUP)
fn sumSplits(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let i = id.x + id.y * workgroups.x * WORKGROUP;
  if (i >= resultSize()) { return; }
  C[i] = sumOfSplits(i);
}

@compute @workgroup_size(WORKGROUP)
fn sumSplitsWithBias(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
) {
  let i = id.x + id.y * workgroups.x * WORKGROUP;
  if (i >= resultSize()) { return; }
  let shape = gemmShape();
  C[i] = sumOfSplits(i) + bias[i % (shape.G * shape.N)];
}

// The sum over all splits, in four sums so that four loads are in flight.
fn sumOfSplits(at: u32) -> f32 {
  var sums = Sum();
  for (var split = 0u; split < splitCount(); split += 4) {
    let partials = vec4f(
      partialSum(split, at),
      partialSum(split + 1, at),
      partialSum(split + 2, at),
      partialSum(split + 3, at),
    );
    sums = add(sums, partials);
  }
  let total = valueOf(sums);
  return (total.x + total.y) + (total.z + total.w);
}

// The partial sum of a split, or 0 beyond the last split.
fn partialSum(split: u32, at: u32) -> f32 {
  if (split >= splitCount()) { return 0; }
  return scratch[split * resultSize() + at];
}
