// requires: block-sum, column-reduction
// Derivation: src/ops/embedding.ts
// W, dW (V, D), y, dy (N, D), t (N) from 0 to V − 1; row-major, dense.
//
// Forward: one invocation per element of y. Backward: the first pass clears dW. In the second, each
// workgroup handles one position n and COLUMNS columns d of dy. If t[n] occurs at an earlier position,
// it does nothing: the workgroup of the first such position computes the row. Otherwise it walks the
// positions from n on, in chunks of WORKGROUP:
//
//   1. each invocation compares t at one position with t[n], and sets a bit of `matches` where they are
//      equal. Bits are set by atomic OR, whose result does not depend on the order;
//   2. row i of invocations adds dy at the positions in word i of `matches`, in ascending order.
//
// At the end, a tree reduction adds the ROWS sums of each column.
override COLUMNS: u32 = 32; // the bits of a word: invocation (j, i) sets bit j of word i
override ROWS: u32 = WORKGROUP / COLUMNS; // a power of 2

alias Value = f32;

struct Positions { N: u32, D: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> positions: Positions;
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> t1: array<u32>;
@group(0) @binding(2) var<storage, read> W: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn embeddingForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  let D = positions.D;
  if (i >= positions.N * D) { return; }
  y[i] = W[t1[i / D] * D + i % D];
}

struct Sizes { N: u32, V: u32, D: u32 }
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;
@group(0) @binding(0) var<storage, read_write> dW: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> t2: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn clearRows(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.x + id.y * groups.x * WORKGROUP;
  if (i < sizes.V * sizes.D) { dW[i] = 0; }
}

// Bit j of word i: whether t at position COLUMNS·i + j of the chunk is t[n].
var<workgroup> matches: array<atomic<u32>, ROWS>;
var<workgroup> earlier: atomic<u32>;
var<workgroup> occursEarlier: u32;

@compute @workgroup_size(COLUMNS, ROWS)
fn embeddingBackward(
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) i: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let n = group.x + group.y * groups.x;
  // A dispatch in two axes may have more workgroups than positions.
  if (n >= sizes.N) { return; }
  let v = t2[n];
  if (isRepeated(n, v, i)) { return; }
  let d = group.z * COLUMNS + local.x;
  var sum = Sum();
  for (var chunk = n; chunk < sizes.N; chunk += WORKGROUP) {
    findMatches(chunk, v, local, i);
    for (var bits = atomicLoad(&matches[local.y]); bits > 0; bits &= bits - 1) {
      let at = chunk + local.y * COLUMNS + firstTrailingBit(bits);
      // Where d ≥ D, this reads another row or nothing, and is not stored.
      sum = add(sum, dy[at * sizes.D + d]);
    }
  }
  let total = sumOfColumn(valueOf(sum), local);
  if (local.y == 0 && d < sizes.D) { dW[v * sizes.D + d] = total; }
}

// Whether v occurs before position n; the same for all invocations.
fn isRepeated(n: u32, v: u32, i: u32) -> bool {
  for (var at = i; at < n; at += WORKGROUP) {
    if (t2[at] == v) {
      atomicStore(&earlier, 1);
      break;
    }
  }
  workgroupBarrier();
  if (i == 0) { occursEarlier = atomicLoad(&earlier); }
  return workgroupUniformLoad(&occursEarlier) != 0;
}

fn findMatches(chunk: u32, v: u32, local: vec3u, i: u32) {
  // Wait until all invocations have read the matches of the previous chunk.
  workgroupBarrier();
  if (local.x == 0) { atomicStore(&matches[local.y], 0); }
  workgroupBarrier();
  let at = chunk + i;
  if (at < sizes.N && t2[at] == v) { atomicOr(&matches[local.y], 1u << local.x); }
  workgroupBarrier();
}
