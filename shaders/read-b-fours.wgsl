// B of a product, read by four: the caller guarantees that four columns of a row lie side by side, the
// first at a multiple of 4: shaders/gemm.wgsl.
@group(0) @binding(2) var<storage, read> B: array<vec4f>;

fn readB(places: vec4u) -> vec4f { return B[places.x / 4]; }
