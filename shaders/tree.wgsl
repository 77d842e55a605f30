// Trees that join the values of a workgroup's invocations in pairs, so always in the same order. Goes
// before the shaders that use it, which say how large WORKGROUP is, a power of 2:
// src/backends/webgpu/shaders.ts.
//
// A row is `columns` neighbouring invocations, a power of 2; i is the invocation. What comes of a row
// is the same for all of it.

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
  // The next call may write only when all have read.
  workgroupBarrier();
  return first;
}
