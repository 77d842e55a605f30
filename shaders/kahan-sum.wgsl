// requires: rounded
// Kahan's compensated summation: the error does not grow with the number of terms.

// A running sum, and the rounding errors that it contains so far.
struct Sum { value: f32, excess: f32 }

// sum + term. Reassociated, the excess would be 0.
fn add(sum: Sum, term: f32) -> Sum {
  let corrected = term - sum.excess;
  let value = rounded(sum.value + corrected);
  return Sum(value, rounded(value - sum.value) - corrected);
}
