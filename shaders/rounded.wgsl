// The value of x, in a form through which no compiler reassociates. WGSL's compilers and those of drivers
// may reorder sums and products of real numbers, as in (a − b) − c = a − (b + c). Where the order keeps
// digits, or avoids overflow, the intermediate result passes through this function.
//
// The minimum changes one NaN into another; compilers do not know which bits x has, so they keep it.
fn rounded(x: f32) -> f32 {
  return bitcast<f32>(min(bitcast<u32>(x), 0xFFFFFFFEu));
}
