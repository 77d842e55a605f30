// Tree reductions in workgroup memory: values are combined in pairs, so always in the same order.
//
// A row is `columns` consecutive invocations, a power of 2; i is the invocation. Every invocation of a
// row receives the result of the row.

var<workgroup> partials: array<f32, WORKGROUP>;

fn sumOfRow(value: f32, i: u32, columns: u32) -> f32 {
  partials[i] = value;
  for (var half = columns / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (i % columns < half) { partials[i] += partials[i + half]; }
  }
  return firstOfRow(i, columns);
}

// The caller guarantees that no value is NaN.
fn maximumOfRow(value: f32, i: u32, columns: u32) -> f32 {
  partials[i] = value;
  for (var half = columns / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (i % columns < half) { partials[i] = max(partials[i], partials[i + half]); }
  }
  return firstOfRow(i, columns);
}

fn firstOfRow(i: u32, columns: u32) -> f32 {
  workgroupBarrier();
  let first = partials[i - i % columns];
  // The next reduction may write only after every invocation has read.
  workgroupBarrier();
  return first;
}
