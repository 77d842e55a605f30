// Pooling windows over images, numbered as in src/ops/max-pool2d.ts.

// No size is negative. They are signed because a window that starts in the padding has negative
// coordinates.
struct Sizes {
  B: i32, H: i32, W: i32, C: i32,
  KH: i32, KW: i32, SH: i32, SW: i32, PH: i32, PW: i32,
}
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

// The windows [first, end) along one axis that cover coordinate p of the padded image.
fn windowsOver(p: i32, kernel: i32, stride: i32, count: i32) -> vec2i {
  let first = select(0, (p - kernel) / stride + 1, p >= kernel);
  return vec2i(first, min(p / stride + 1, count));
}

// Extents of the output, (OH, OW).
fn outputExtents() -> vec2i {
  let padded = vec2i(sizes.H, sizes.W) + 2 * vec2i(sizes.PH, sizes.PW);
  return (padded - vec2i(sizes.KH, sizes.KW)) / vec2i(sizes.SH, sizes.SW) + 1;
}
