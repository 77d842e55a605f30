// What comes of the values of all invocations of a workgroup, the same for all of them; i is the
// invocation. Goes with tree.wgsl; workgroup-subgroups.wgsl does the same on subgroups.

fn sumOfWorkgroup(value: f32, i: u32) -> f32 {
  return sumOfRow(value, i, WORKGROUP);
}

// The caller guarantees that no value is NaN.
fn maximumOfWorkgroup(value: f32, i: u32) -> f32 {
  return maximumOfRow(value, i, WORKGROUP);
}
