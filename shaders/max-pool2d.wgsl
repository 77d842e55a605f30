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
  let window = windowOf(o, extents);
  let rowBegin = max(0, -window.top);
  let rowEnd = min(sizes.kernelHeight, sizes.H - window.top);
  let columnBegin = max(0, -window.left);
  let columnEnd = min(sizes.kernelWidth, sizes.W - window.left);
  var largest = Largest(0, -1);
  for (var kh = rowBegin; kh < rowEnd; kh++) {
    for (var kw = columnBegin; kw < columnEnd; kw++) {
      let row = window.rowsBefore + window.top + kh;
      let value = x[(row * sizes.W + window.left + kw) * sizes.C + window.c];
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
  let pixel = pixelOf(i);
  let extents = outputExtents();
  let rows = windowsOver(pixel.h, sizes.kernelHeight, sizes.strideHeight, extents.x);
  let columns = windowsOver(pixel.w, sizes.kernelWidth, sizes.strideWidth, extents.y);
  var sum = 0.0;
  for (var oh = rows.x; oh < rows.y; oh++) {
    for (var ow = columns.x; ow < columns.y; ow++) {
      let o = ((pixel.n * extents.x + oh) * extents.y + ow) * sizes.C + pixel.c;
      let kh = pixel.h - oh * sizes.strideHeight;
      let kw = pixel.w - ow * sizes.strideWidth;
      if (indexAt(o) == kh * sizes.kernelWidth + kw) { sum += dy[o]; }
    }
  }
  dx[i] = sum;
}

fn indexAt(o: i32) -> i32 {
  return i32(extractBits(indexRead[o / 4], u32(8 * (o % 4)), 8));
}
