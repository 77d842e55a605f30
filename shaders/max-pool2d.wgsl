// requires: pooling-window
// Derivation: src/ops/max-pool2d.ts
// x, dx (B, H, W, C) and y, dy (B, OH, OW, C) of f32, index (B, OH, OW, C) of bytes, four to a word;
// row-major, dense.
//
// Forward, each invocation computes INDICES_PER_WORD = 4 consecutive elements of y, whose positions
// fill one word of index, so no two invocations write the same word. Backward, each invocation
// computes one element of dx: it sums over the windows that cover its pixel, in ascending order.
//
// The caller guarantees that every window contains a pixel of the image.

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> indexWords: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn maxPool2dForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let word = i32(id.x + id.y * groups.x * WORKGROUP);
  let extents = outputExtents();
  let count = sizes.B * extents.x * extents.y * sizes.C;
  if (INDICES_PER_WORD * word >= count) { return; }
  var positions = 0u;
  for (var i = 0; i < INDICES_PER_WORD; i++) {
    let o = INDICES_PER_WORD * word + i;
    if (o >= count) { break; }
    let largest = largestOf(o, extents);
    y[o] = largest.value;
    positions |= u32(largest.position) << u32(8 * i);
  }
  indexWords[word] = positions;
}

struct Largest { value: f32, position: i32 }

// The maximum of the window of y[o], and its position in the window.
fn largestOf(o: i32, extents: vec2i) -> Largest {
  let c = o % sizes.C;
  let window = o / sizes.C;
  let left = window % extents.y * sizes.strideWidth - sizes.paddingWidth;
  let top = window / extents.y % extents.x * sizes.strideHeight - sizes.paddingHeight;
  let image = window / (extents.x * extents.y) * sizes.H;
  let rowBegin = max(0, -top);
  let rowEnd = min(sizes.kernelHeight, sizes.H - top);
  let columnBegin = max(0, -left);
  let columnEnd = min(sizes.kernelWidth, sizes.W - left);
  var largest = Largest(0, -1);
  for (var kh = rowBegin; kh < rowEnd; kh++) {
    for (var kw = columnBegin; kw < columnEnd; kw++) {
      let value = x[((image + top + kh) * sizes.W + left + kw) * sizes.C + c];
      let wins = largest.position < 0 || value > largest.value || isNan(value);
      if (wins) { largest = Largest(value, kh * sizes.kernelWidth + kw); }
    }
  }
  return largest;
}

// Tests the bits, because a compiler may assume that value != value is false.
fn isNan(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7fffffff) > 0x7f800000;
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> indexRead: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn maxPool2dBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = i32(id.x + id.y * groups.x * WORKGROUP);
  if (i >= sizes.B * sizes.H * sizes.W * sizes.C) { return; }
  let c = i % sizes.C;
  let pixel = i / sizes.C;
  let w = pixel % sizes.W + sizes.paddingWidth;
  let h = pixel / sizes.W % sizes.H + sizes.paddingHeight;
  let n = pixel / (sizes.W * sizes.H);
  let extents = outputExtents();
  let rows = windowsOver(h, sizes.kernelHeight, sizes.strideHeight, extents.x);
  let columns = windowsOver(w, sizes.kernelWidth, sizes.strideWidth, extents.y);
  var sum = 0.0;
  for (var oh = rows.x; oh < rows.y; oh++) {
    for (var ow = columns.x; ow < columns.y; ow++) {
      let o = ((n * extents.x + oh) * extents.y + ow) * sizes.C + c;
      let position = (h - oh * sizes.strideHeight) * sizes.kernelWidth + w - ow * sizes.strideWidth;
      if (indexAt(o) == position) { sum += dy[o]; }
    }
  }
  dx[i] = sum;
}

fn indexAt(o: i32) -> i32 {
  return i32(extractBits(indexRead[o / 4], u32(8 * (o % 4)), 8));
}
