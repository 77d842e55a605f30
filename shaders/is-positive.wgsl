// Whether x > 0. Compares bits, because GPUs may flush subnormal numbers to 0.
fn isPositive(x: f32) -> bool {
  return bitcast<u32>(x) - 1 < 0x7F800000;
}
