// Pooling windows over images, numbered as in src/ops/max-pool2d.ts.

// No size is negative. They are signed because a window that starts in the padding has negative
// coordinates.
struct Sizes {
  B: i32, H: i32, W: i32, C: i32,
  kernelHeight: i32, kernelWidth: i32,
  strideHeight: i32, strideWidth: i32,
  paddingHeight: i32, paddingWidth: i32,
}
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

// The windows [first, end) along one axis that cover coordinate p of the padded image.
fn windowsOver(p: i32, kernel: i32, stride: i32, count: i32) -> vec2i {
  let first = select(0, (p - kernel) / stride + 1, p >= kernel);
  return vec2i(first, min(p / stride + 1, count));
}

// Element o of the output: its channel, the first row and column of its window in the image, which are
// negative in the padding, and the number of rows of earlier images.
struct Window { c: i32, top: i32, left: i32, rowsBefore: i32 }

fn windowOf(o: i32, extents: vec2i) -> Window {
  let window = o / sizes.C;
  return Window(
    o % sizes.C,
    window / extents.y % extents.x * sizes.strideHeight - sizes.paddingHeight,
    window % extents.y * sizes.strideWidth - sizes.paddingWidth,
    window / (extents.x * extents.y) * sizes.H,
  );
}

// Element i of the input: its image and channel, and its row and column in the padded image.
struct Pixel { n: i32, c: i32, h: i32, w: i32 }

fn pixelOf(i: i32) -> Pixel {
  let pixel = i / sizes.C;
  return Pixel(
    pixel / (sizes.W * sizes.H),
    i % sizes.C,
    pixel / sizes.W % sizes.H + sizes.paddingHeight,
    pixel % sizes.W + sizes.paddingWidth,
  );
}

// Extents of the output, (OH, OW).
fn outputExtents() -> vec2i {
  let padded = vec2i(sizes.H, sizes.W) + 2 * vec2i(sizes.paddingHeight, sizes.paddingWidth);
  let kernel = vec2i(sizes.kernelHeight, sizes.kernelWidth);
  return (padded - kernel) / vec2i(sizes.strideHeight, sizes.strideWidth) + 1;
}
