// Kahan's compensated summation: the error does not grow with the number of terms.

// A running sum, and the rounding errors that it contains so far.
struct Sum { value: f32, excess: f32 }

// sum + term. A compiler that reassociates floating-point additions may remove the compensation, which
// leaves a plain sum.
fn add(sum: Sum, term: f32) -> Sum {
  let corrected = term - sum.excess;
  let value = sum.value + corrected;
  return Sum(value, (value - sum.value) - corrected);
}
