// requires: block-sum, pooling-window
// Derivation: src/ops/average-pool2d.ts
// x, dx (B, H, W, C) and y, dy (B, OH, OW, C); row-major, dense. Forward, each invocation computes one
// element of y. Backward, each invocation computes one element of dx: it sums over the windows that
// cover its pixel, in ascending order.

alias Value = f32;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn averagePool2dForward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let o = i32(id.x + id.y * groups.x * WORKGROUP);
  let extents = outputExtents();
  if (o >= sizes.B * extents.x * extents.y * sizes.C) { return; }
  let window = windowOf(o, extents);
  let rowEnd = min(window.top + sizes.kernelHeight, sizes.H);
  let columnEnd = min(window.left + sizes.kernelWidth, sizes.W);
  var sum = Sum();
  for (var h = max(0, window.top); h < rowEnd; h++) {
    for (var w = max(0, window.left); w < columnEnd; w++) {
      sum = add(sum, x[((window.rowsBefore + h) * sizes.W + w) * sizes.C + window.c]);
    }
  }
  y[o] = valueOf(sum) / f32(sizes.kernelHeight * sizes.kernelWidth);
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn averagePool2dBackward(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let i = i32(id.x + id.y * groups.x * WORKGROUP);
  if (i >= sizes.B * sizes.H * sizes.W * sizes.C) { return; }
  let pixel = pixelOf(i);
  let extents = outputExtents();
  let rows = windowsOver(pixel.h, sizes.kernelHeight, sizes.strideHeight, extents.x);
  let columns = windowsOver(pixel.w, sizes.kernelWidth, sizes.strideWidth, extents.y);
  var sum = Sum();
  for (var oh = rows.x; oh < rows.y; oh++) {
    for (var ow = columns.x; ow < columns.y; ow++) {
      sum = add(sum, dy[((pixel.n * extents.x + oh) * extents.y + ow) * sizes.C + pixel.c]);
    }
  }
  dx[i] = valueOf(sum) / f32(sizes.kernelHeight * sizes.kernelWidth);
}
