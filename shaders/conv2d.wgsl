// Derivation: src/ops/conv2d.ts
// x, dx (B, H, W, C), y, dy (B, OH, OW, OC), W, dW (KH, KW, C/G, OC), b (OC). With X[r, q] as there,
// three products, each for G groups, with the loops of gemm.wgsl; column-sums.wgsl computes db.
//
//   conv2dForward           y[r, o] = Σ_q X[r, q] W[q, o], plus b[o] in conv2dBiasForward
//   conv2dBackwardWeight    dW[q, o] = Σᵣ X[r, q] dy[r, o]    TRANSPOSE_A
//   conv2dBackwardInput     dx[r, c] = Σ_q Y[r, q] W[q, c]    TRANSPOSE_B
//
// In the last, r = (n, h, w) numbers the pixels of dx, q = (k, l, o) taps and output channels, and
// Y[r, q] is the gradient that dy holds at the pixel which tap (k, l) leads back to, or zero: where
// the stride is s, all but one in s taps of a row are, which costs as much as if they were not.
//
// Neither X nor Y is written down. Pixel and tap are worked out once for a row and a column of the
// tile, and added for each element. Indices are unsigned: above and left of an image they wrap round
// to huge numbers, which lie outside as well.
struct Sizes {
  B: u32, H: u32, W: u32, C: u32,
  OH: u32, OW: u32, OC: u32, KH: u32, KW: u32,
  strideHeight: u32, strideWidth: u32, paddingHeight: u32, paddingWidth: u32,
  dilationHeight: u32, dilationWidth: u32, G: u32,
}
@group(0) @binding(8) var<uniform> sizes: Sizes;

fn shapeOf() -> Shape {
  let taps = sizes.KH * sizes.KW;
  let pixels = sizes.B * sizes.OH * sizes.OW;
  let groupInputs = sizes.C / sizes.G;
  let groupOutputs = sizes.OC / sizes.G;
  if (TRANSPOSE_A) { return Shape(taps * groupInputs, groupOutputs, pixels, sizes.G); }
  if (TRANSPOSE_B) {
    return Shape(sizes.B * sizes.H * sizes.W, groupInputs, taps * groupOutputs, sizes.G);
  }
  return Shape(pixels, groupOutputs, taps * groupInputs, sizes.G);
}

/// A pixel r: image, and what its taps' rows and columns are counted from. Or a tap q: channel, and
/// how many rows and columns away.
alias Line = vec3u;

fn rowOf(m: u32) -> Line {
  if (TRANSPOSE_A) { return tapOf(m); }
  return pixelOf(m);
}

fn depthOf(k: u32) -> Line {
  if (TRANSPOSE_A) { return pixelOf(k); }
  return tapOf(k);
}

fn loadA(row: Line, depth: Line) -> f32 {
  if (TRANSPOSE_A) { return loadX(depth, row); }
  if (TRANSPOSE_B) { return loadY(row, depth); }
  return loadX(row, depth);
}

fn pixelOf(r: u32) -> Line {
  if (TRANSPOSE_B) {
    let place = vec3u(r / (sizes.H * sizes.W), r / sizes.W % sizes.H, r % sizes.W);
    return place + vec3u(0, sizes.paddingHeight, sizes.paddingWidth);
  }
  let place = vec3u(r / (sizes.OH * sizes.OW), r / sizes.OW % sizes.OH, r % sizes.OW);
  let strides = vec3u(1, sizes.strideHeight, sizes.strideWidth);
  return place * strides - vec3u(0, sizes.paddingHeight, sizes.paddingWidth);
}

fn tapOf(q: u32) -> Line {
  let channels = select(sizes.C, sizes.OC, TRANSPOSE_B) / sizes.G;
  let tap = q / channels;
  return vec3u(
    group * channels + q % channels,
    sizes.dilationHeight * (tap / sizes.KW),
    sizes.dilationWidth * (tap % sizes.KW),
  );
}

/// X[r, q]
fn loadX(pixel: Line, tap: Line) -> f32 {
  let h = pixel.y + tap.y;
  let w = pixel.z + tap.z;
  if (h >= sizes.H || w >= sizes.W) { return 0; }
  return A[((pixel.x * sizes.H + h) * sizes.W + w) * sizes.C + tap.x];
}

/// Y[r, q]
fn loadY(pixel: Line, tap: Line) -> f32 {
  let i = placeOf(pixel.y - tap.y, sizes.strideHeight);
  let j = placeOf(pixel.z - tap.z, sizes.strideWidth);
  if (i >= sizes.OH || j >= sizes.OW) { return 0; }
  return A[((pixel.x * sizes.OH + i) * sizes.OW + j) * sizes.OC + tap.x];
}

/// distance / stride, or a huge number where that is not whole.
fn placeOf(distance: u32, stride: u32) -> u32 {
  // Most strides are 1, and divisions slow.
  if (stride == 1) { return distance; }
  return select(0xffffffffu, distance / stride, distance % stride == 0);
}

/// W[q, o] or dy[r, o], whose rows both have OC numbers, of which a group takes N; or W[q, c].
fn loadB(k: u32, n: u32) -> f32 {
  let shape = shapeOf();
  if (TRANSPOSE_B) {
    let groupOutputs = sizes.OC / sizes.G;
    let row = k / groupOutputs * shape.N + n;
    return B[row * sizes.OC + group * groupOutputs + k % groupOutputs];
  }
  return B[(k * shape.G + group) * shape.N + n];
}
