// expects: COLUMNS, ROWS, Value
// Sums of columns in a workgroup of ROWS (a power of 2) × COLUMNS invocations. Invocations of a row are
// neighbours, so their loads from a row of a matrix are coalesced. The shader declares the type that is
// summed: alias Value = f32, or a vector.

// [row][column]
var<workgroup> values: array<Value, ROWS * COLUMNS>;

// Tree reduction over the values of a column's invocations. Every invocation of the column receives
// the sum.
fn sumOfColumn(value: Value, local: vec3u) -> Value {
  let at = local.y * COLUMNS + local.x;
  values[at] = value;
  for (var rows = ROWS / 2; rows > 0; rows /= 2) {
    workgroupBarrier();
    if (local.y < rows) { values[at] += values[at + rows * COLUMNS]; }
  }
  workgroupBarrier();
  let sum = values[local.x];
  // The next reduction may write only after every invocation has read.
  workgroupBarrier();
  return sum;
}

// The first row of a split. N rows are split into ranges whose lengths differ by at most 1.
fn firstRow(split: u32, splits: u32, N: u32) -> u32 {
  return split * (N / splits) + min(split, N % splits);
}
