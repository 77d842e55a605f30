// Vectorised loads (vec4) from B of a GEMM. The caller guarantees that four columns of a row are
// contiguous and start at a multiple of 4.
@group(0) @binding(2) var<storage, read> B: array<vec4f>;

fn readB(offsets: vec4u) -> vec4f { return B[offsets.x / 4]; }
