// Goes before the shaders that use it: src/backends/webgpu/shaders.ts.

// x > 0. As a comparison of bits, since GPUs may take the smallest numbers for 0.
fn isPositive(x: f32) -> bool {
  return bitcast<u32>(x) - 1 < 0x7F800000;
}
