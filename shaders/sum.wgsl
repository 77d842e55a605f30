// Sums of many numbers. Goes before the shaders that use it: src/backends/webgpu/shaders.ts.

// A sum in the making, and what rounding has added to it too much.
struct Sum { value: f32, excess: f32 }

// Kahan's compensated summation: the error does not grow with the number of terms. A compiler that
// takes reals for exact may undo this, which leaves a plain sum.
fn add(sum: Sum, term: f32) -> Sum {
  let corrected = term - sum.excess;
  let value = sum.value + corrected;
  return Sum(value, (value - sum.value) - corrected);
}
