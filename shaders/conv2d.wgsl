// Derivation: src/ops/conv2d.ts
// x, dx (B, H, W, C), y, dy (B, OH, OW, OC), W, dW (KH, KW, C/G, OC), b (OC). With X[r, q] as there,
// three products, each for G groups, with the loops of gemm.wgsl; column-sums.wgsl computes db.
//
//   conv2dForward           y[r, o] = Σ_q X[r, q] W[q, o], plus b[o] in conv2dBiasForward
//   conv2dBackwardWeight    dW[q, o] = Σᵣ X[r, q] dy[r, o]    TRANSPOSE_A
//   conv2dBackwardInput     dx[r, c] = Σ_q Y[r, q] Wᵗ[q, c]   TRANSPOSE_B
//
// gemm.wgsl calls the first factor A, the second B and the result C, whatever their letters here; m
// and n are a row and a column of the result, and k is the term: q, but for r in the weight's gradient.
//
// With stride s only every s-th tap leads to a pixel of dy, and which ones depends on (h + padding) mod
// s alone. So pixels are sorted into s phases along either side, each a product of its own that takes
// the taps of its phase. Dilated windows, where this is not so, and huge strides have one phase, and
// zeros in Y.
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

/// Along either side; src/backends/webgpu/kernels.ts knows it too.
const MOST_PHASES = 4u;

fn shapeOf() -> Shape {
  let pixels = sizes.B * sizes.OH * sizes.OW;
  let groupInputs = sizes.C / sizes.G;
  let groupOutputs = sizes.OC / sizes.G;
  let q = sizes.KH * sizes.KW * groupInputs;
  if (TRANSPOSE_A) { return Shape(q, groupOutputs, sizes.G, 1, q); }
  if (TRANSPOSE_B) {
    let extents = extentsOfPhase();
    let phases = phaseCounts();
    return Shape(
      sizes.B * extents.x * extents.y,
      groupInputs,
      sizes.G,
      phases.x * phases.y,
      sizes.B * sizes.H * sizes.W,
    );
  }
  return Shape(pixels, groupOutputs, sizes.G, 1, pixels);
}

fn termsIn(phase: u32) -> u32 {
  if (TRANSPOSE_A) { return sizes.B * sizes.OH * sizes.OW; }
  if (TRANSPOSE_B) {
    let taps = tapsOf(phase);
    return taps.x * taps.y * (sizes.OC / sizes.G);
  }
  return sizes.KH * sizes.KW * (sizes.C / sizes.G);
}

/// Phases along height and width.
fn phaseCounts() -> vec2u {
  let strides = vec2u(sizes.strideHeight, sizes.strideWidth);
  let isDense = vec2u(sizes.dilationHeight, sizes.dilationWidth) == vec2u(1);
  return select(vec2u(1), strides, isDense & (strides <= vec2u(MOST_PHASES)));
}

/// (h + padding, w + padding) mod phaseCounts() of a phase's pixels, and its first tap.
fn placeOfPhase(number: u32) -> vec2u {
  let across = phaseCounts().y;
  return vec2u(number / across, number % across);
}

/// Rows and columns of an image in a phase, the last of which may lie outside.
fn extentsOfPhase() -> vec2u {
  let phases = phaseCounts();
  return (vec2u(sizes.H, sizes.W) + phases - 1) / phases;
}

/// Rows and columns of taps in a phase.
fn tapsOf(number: u32) -> vec2u {
  let phases = phaseCounts();
  return (vec2u(sizes.KH, sizes.KW) + phases - 1 - placeOfPhase(number)) / phases;
}

/// A pixel r: image, and what its taps' rows and columns are counted from. Or a tap q: channel, and
/// how many rows and columns away.
alias Line = vec3u;

fn rowOf(m: u32) -> Line {
  if (TRANSPOSE_A) { return tapOf(m); }
  if (TRANSPOSE_B) { return inputPixel(m); }
  return outputPixel(m);
}

fn depthOf(k: u32) -> Line {
  if (TRANSPOSE_A) { return outputPixel(k); }
  return tapOf(k);
}

fn placeInA(row: Line, depth: Line) -> u32 {
  if (TRANSPOSE_A) { return placeInX(depth, row); }
  if (TRANSPOSE_B) { return placeInY(row, depth); }
  return placeInX(row, depth);
}

fn outputPixel(r: u32) -> Line {
  let place = vec3u(r / (sizes.OH * sizes.OW), r / sizes.OW % sizes.OH, r % sizes.OW);
  let strides = vec3u(1, sizes.strideHeight, sizes.strideWidth);
  return place * strides - vec3u(0, sizes.paddingHeight, sizes.paddingWidth);
}

/// Pixel m of the phase, counted in the image with its padding.
fn inputPixel(m: u32) -> Line {
  let extents = extentsOfPhase();
  let phases = phaseCounts();
  let padding = vec2u(sizes.paddingHeight, sizes.paddingWidth);
  let first = padding + (placeOfPhase(phase) + phases - padding % phases) % phases;
  let place = vec2u(m / extents.y % extents.x, m % extents.y);
  return vec3u(m / (extents.x * extents.y), first + phases * place);
}

/// The row of dx that a phase's row m is.
fn rowInC(m: u32) -> u32 {
  if (!TRANSPOSE_B) { return m; }
  let pixel = inputPixel(m);
  let h = pixel.y - sizes.paddingHeight;
  let w = pixel.z - sizes.paddingWidth;
  if (h >= sizes.H || w >= sizes.W) { return OUTSIDE; }
  return (pixel.x * sizes.H + h) * sizes.W + w;
}

fn tapOf(q: u32) -> Line {
  let channels = select(sizes.C, sizes.OC, TRANSPOSE_B) / sizes.G;
  let tap = tapAt(q / channels);
  return vec3u(
    group * channels + q % channels,
    sizes.dilationHeight * tap.x,
    sizes.dilationWidth * tap.y,
  );
}

/// Row and column of a tap by its number, in a window or, backward, in the window's phase.
fn tapAt(number: u32) -> vec2u {
  if (!TRANSPOSE_B) { return vec2u(number / sizes.KW, number % sizes.KW); }
  let across = tapsOf(phase).y;
  return placeOfPhase(phase) + phaseCounts() * vec2u(number / across, number % across);
}

/// Of X[r, q]
fn placeInX(pixel: Line, tap: Line) -> u32 {
  let h = pixel.y + tap.y;
  let w = pixel.z + tap.z;
  if (h >= sizes.H || w >= sizes.W) { return OUTSIDE; }
  return ((pixel.x * sizes.H + h) * sizes.W + w) * sizes.C + tap.x;
}

/// Of Y[r, q]
fn placeInY(pixel: Line, tap: Line) -> u32 {
  let i = quotient(pixel.y - tap.y, sizes.strideHeight);
  let j = quotient(pixel.z - tap.z, sizes.strideWidth);
  if (i >= sizes.OH || j >= sizes.OW) { return OUTSIDE; }
  return ((pixel.x * sizes.OH + i) * sizes.OW + j) * sizes.OC + tap.x;
}

/// distance / stride, or a huge number where that is not whole. A distance that wrapped round leaves
/// more than any image has: strides are at most 4096.
fn quotient(distance: u32, stride: u32) -> u32 {
  // Most strides are 1, and divisions slow.
  if (stride == 1) { return distance; }
  return select(0xffffffffu, distance / stride, distance % stride == 0);
}

/// W[q, o] or dy[r, o], whose rows both have OC numbers, of which a group takes N; or Wᵗ[q, c].
fn placeInB(k: u32, n: u32) -> u32 {
  let shape = shapeOf();
  if (TRANSPOSE_B) {
    let groupOutputs = sizes.OC / sizes.G;
    let tap = tapAt(k / groupOutputs);
    let row = (tap.x * sizes.KW + tap.y) * shape.N + n;
    return row * sizes.OC + group * groupOutputs + k % groupOutputs;
  }
  return (k * shape.G + group) * shape.N + n;
}
