// Sums of many numbers, each in a fixed order. Goes before the shaders that use it, which say how
// large WORKGROUP is, a power of 2: src/backends/webgpu/shaders.ts.

// A sum in the making, and what rounding has added to it too much.
struct Sum { value: f32, excess: f32 }

// Kahan's compensated summation: the error does not grow with the number of terms. A compiler that
// takes reals for exact may undo this, which leaves a plain sum.
fn add(sum: Sum, term: f32) -> Sum {
  let corrected = term - sum.excess;
  let value = sum.value + corrected;
  return Sum(value, (value - sum.value) - corrected);
}

var<workgroup> partials: array<f32, WORKGROUP>;

// Σ of the values of a workgroup's invocations, added in pairs. Only invocation 0 is told.
fn sumOfWorkgroup(value: f32, invocation: u32) -> f32 {
  partials[invocation] = value;
  for (var half = WORKGROUP / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (invocation < half) { partials[invocation] += partials[invocation + half]; }
  }
  return partials[0];
}
