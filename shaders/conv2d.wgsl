// requires: gemm
// Derivation: src/ops/conv2d.ts
// x, dx (B, H, W, C), y, dy (B, OH, OW, OC), W, dW (KH, KW, C/G, OC), b (OC). With X[r, q] as in the
// derivation, three implicit GEMMs for each of G groups: gemm.wgsl has the loops and the bias epilogue.
// column-sums.wgsl computes db.
//
//   conv2dForward           y[r, oc] = Σ_q X[r, q] W[q, oc], plus b[oc] in conv2dBiasForward
//   conv2dBackwardWeight    dW[q, oc] = Σᵣ X[r, q] dy[r, oc]   TRANSPOSE_A
//   conv2dBackwardInput     dx[r, c] = Σ_q Y[r, q] Wᵗ[q, c]    TRANSPOSE_B
//
// gemm.wgsl calls the first factor A, the second B and the result C. m and n are a row and a column of
// the result. k is the index of summation: q, or r for the weight gradient.
//
// Implicit GEMM: X and Y (the im2col matrices) are never stored. Their offsets are computed instead:
// the coordinates of a pixel and of a tap are computed once per row and column of a tile, and added
// for each element. Coordinates are unsigned: those above or left of an image wrap around to huge
// numbers, which fail the same bounds check as those below or right of it.
//
// Phases: in conv2dBackwardInput with stride SH, only the taps with kh ≡ h + PH (mod SH) lead from row h
// of dx to a row of dy. The same holds for columns, with SW and PW. Therefore the pixels of dx are sorted
// into SH · SW phases. Each phase is a GEMM over its own taps, without the zeros of Y, which saves all
// but 1 in SH · SW multiply-adds. Dilated windows, to which this does not apply, and strides above
// MAX_PHASES use a single phase with zeros in Y.
struct Sizes {
  B: u32, H: u32, W: u32, C: u32,
  OH: u32, OW: u32, OC: u32, KH: u32, KW: u32,
  SH: u32, SW: u32, PH: u32, PW: u32, DH: u32, DW: u32, G: u32,
}
@group(0) @binding(PARAMETERS_BINDING) var<uniform> sizes: Sizes;

fn gemmShape() -> GemmShape {
  let pixels = sizes.B * sizes.OH * sizes.OW;
  let groupInputs = sizes.C / sizes.G;
  let groupOutputs = sizes.OC / sizes.G;
  let q = sizes.KH * sizes.KW * groupInputs;
  if (TRANSPOSE_A) { return GemmShape(q, groupOutputs, sizes.G, 1, q); }
  if (TRANSPOSE_B) {
    let extents = extentsOfPhase();
    let phases = phaseCounts();
    return GemmShape(
      sizes.B * extents.x * extents.y,
      groupInputs,
      sizes.G,
      phases.x * phases.y,
      sizes.B * sizes.H * sizes.W,
    );
  }
  return GemmShape(pixels, groupOutputs, sizes.G, 1, pixels);
}

fn gemmDepth(phase: u32) -> u32 {
  if (TRANSPOSE_A) { return sizes.B * sizes.OH * sizes.OW; }
  if (TRANSPOSE_B) {
    let taps = tapsOf(phase);
    return taps.x * taps.y * (sizes.OC / sizes.G);
  }
  return sizes.KH * sizes.KW * (sizes.C / sizes.G);
}

// Phases along height and width. src/backends/webgpu/gemm/convolution.ts applies the same rule.
fn phaseCounts() -> vec2u {
  let strides = vec2u(sizes.SH, sizes.SW);
  let isDense = vec2u(sizes.DH, sizes.DW) == vec2u(1);
  return select(vec2u(1), strides, isDense & (strides <= vec2u(MAX_PHASES)));
}

// (h + PH, w + PW) mod phaseCounts() for the pixels of a phase. Also the phase's first tap (kh, kw).
fn placeOfPhase(number: u32) -> vec2u {
  let across = phaseCounts().y;
  return vec2u(number / across, number % across);
}

// Rows and columns of an image in a phase. The last ones may lie outside the image.
fn extentsOfPhase() -> vec2u {
  let phases = phaseCounts();
  return (vec2u(sizes.H, sizes.W) + phases - 1) / phases;
}

// Rows and columns of taps in a phase.
fn tapsOf(number: u32) -> vec2u {
  let phases = phaseCounts();
  return (vec2u(sizes.KH, sizes.KW) + phases - 1 - placeOfPhase(number)) / phases;
}

// Coordinates of a pixel r: the image, and the row and column of its first tap. Or of a tap q: the
// channel, and the distance in rows and columns from the first tap.
alias Coordinates = vec3u;

fn rowCoordinates(m: u32) -> Coordinates {
  if (TRANSPOSE_A) { return tapOf(m); }
  if (TRANSPOSE_B) { return inputPixel(m); }
  return outputPixel(m);
}

fn depthCoordinates(k: u32) -> Coordinates {
  if (TRANSPOSE_A) { return outputPixel(k); }
  return tapOf(k);
}

fn offsetInA(row: Coordinates, depth: Coordinates) -> u32 {
  if (TRANSPOSE_A) { return offsetInX(depth, row); }
  if (TRANSPOSE_B) { return offsetInY(row, depth); }
  return offsetInX(row, depth);
}

fn outputPixel(r: u32) -> Coordinates {
  let place = vec3u(r / (sizes.OH * sizes.OW), r / sizes.OW % sizes.OH, r % sizes.OW);
  let strides = vec3u(1, sizes.SH, sizes.SW);
  return place * strides - vec3u(0, sizes.PH, sizes.PW);
}

// Pixel m of the phase, in coordinates of the padded image.
fn inputPixel(m: u32) -> Coordinates {
  let extents = extentsOfPhase();
  let phases = phaseCounts();
  let padding = vec2u(sizes.PH, sizes.PW);
  let first = padding + (placeOfPhase(phase) + phases - padding % phases) % phases;
  let place = vec2u(m / extents.y % extents.x, m % extents.y);
  return vec3u(m / (extents.x * extents.y), first + phases * place);
}

// The row of C for row m of A; with TRANSPOSE_B, the pixel of dx for pixel m of the phase.
fn rowInC(m: u32) -> u32 {
  if (!TRANSPOSE_B) { return m; }
  let pixel = inputPixel(m);
  let h = pixel.y - sizes.PH;
  let w = pixel.z - sizes.PW;
  if (h >= sizes.H || w >= sizes.W) { return OUT_OF_BOUNDS; }
  return (pixel.x * sizes.H + h) * sizes.W + w;
}

fn tapOf(q: u32) -> Coordinates {
  let channels = select(sizes.C, sizes.OC, TRANSPOSE_B) / sizes.G;
  let tap = tapAt(q / channels);
  return vec3u(
    group * channels + q % channels,
    sizes.DH * tap.x,
    sizes.DW * tap.y,
  );
}

// Row and column of a tap by its number: in the window, or with TRANSPOSE_B in the window's phase.
fn tapAt(number: u32) -> vec2u {
  if (!TRANSPOSE_B) { return vec2u(number / sizes.KW, number % sizes.KW); }
  let across = tapsOf(phase).y;
  return placeOfPhase(phase) + phaseCounts() * vec2u(number / across, number % across);
}

// The offset of X[r, q] in x, or OUT_OF_BOUNDS in the padding.
fn offsetInX(pixel: Coordinates, tap: Coordinates) -> u32 {
  let h = pixel.y + tap.y;
  let w = pixel.z + tap.z;
  if (h >= sizes.H || w >= sizes.W) { return OUT_OF_BOUNDS; }
  return ((pixel.x * sizes.H + h) * sizes.W + w) * sizes.C + tap.x;
}

// The offset of Y[r, q] in dy, or OUT_OF_BOUNDS where Y is zero.
fn offsetInY(pixel: Coordinates, tap: Coordinates) -> u32 {
  let oh = quotient(pixel.y - tap.y, sizes.SH);
  let ow = quotient(pixel.z - tap.z, sizes.SW);
  if (oh >= sizes.OH || ow >= sizes.OW) { return OUT_OF_BOUNDS; }
  return ((pixel.x * sizes.OH + oh) * sizes.OW + ow) * sizes.OC + tap.x;
}

// distance / stride, or a huge number where the stride does not divide the distance. A distance that
// wrapped around yields a quotient beyond any image, because strides are at most 4096.
fn quotient(distance: u32, stride: u32) -> u32 {
  // Most strides are 1, and division is slow.
  if (stride == 1) { return distance; }
  return select(0xffffffffu, distance / stride, distance % stride == 0);
}

// The offset of W[q, oc] or dy[r, oc], whose rows have OC elements, N of them per group; with
// TRANSPOSE_B, of Wᵗ[q, c].
fn offsetInB(k: u32, n: u32) -> u32 {
  let shape = gemmShape();
  if (TRANSPOSE_B) {
    let groupOutputs = sizes.OC / sizes.G;
    let tap = tapAt(k / groupOutputs);
    let row = (tap.x * sizes.KW + tap.y) * shape.N + n;
    return row * sizes.OC + group * groupOutputs + k % groupOutputs;
  }
  return (k * shape.G + group) * shape.N + n;
}
