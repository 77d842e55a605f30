// requires: tree-reduction
// Reductions over all invocations of a workgroup; i is the invocation. Every invocation receives the
// result. subgroup-reduction.wgsl replaces this file where subgroups are enabled.

fn sumOfWorkgroup(value: f32, i: u32) -> f32 {
  return sumOfRow(value, i, WORKGROUP);
}

// The caller guarantees that no value is NaN.
fn maximumOfWorkgroup(value: f32, i: u32) -> f32 {
  return maximumOfRow(value, i, WORKGROUP);
}
