// Sums of columns, for workgroups of ROWS rows (a power of 2) of COLUMNS invocations, side by side so
// that what they read of a matrix's row is in one piece of memory. Goes before the shaders that use
// it, which say what a Value is, f32 or a vector: src/backends/webgpu/shaders.ts.

// [row][column]
var<workgroup> values: array<Value, ROWS * COLUMNS>;

// Σ of the values of a column's invocations, added in pairs, the same for all of them.
fn sumOfColumn(value: Value, local: vec3u) -> Value {
  let at = local.y * COLUMNS + local.x;
  values[at] = value;
  for (var rows = ROWS / 2; rows > 0; rows /= 2) {
    workgroupBarrier();
    if (local.y < rows) { values[at] += values[at + rows * COLUMNS]; }
  }
  workgroupBarrier();
  let sum = values[local.x];
  // The next call may write only when all have read.
  workgroupBarrier();
  return sum;
}

// Where a part of N rows begins, cut so that parts differ by a row at most.
fn firstRow(part: u32, parts: u32, N: u32) -> u32 {
  return part * (N / parts) + min(part, N % parts);
}
