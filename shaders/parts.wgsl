// Sums that may be too long for one workgroup: several leave a part each, in `parts`, and a second
// pass of one workgroup adds those up. Goes with sum.wgsl, tree.wgsl and workgroup.wgsl, and with a
// shader that says how large WORKGROUP is and what becomes of the whole: fn finish(total: f32).

@group(0) @binding(7) var<storage, read_write> parts: array<f32>;

// Adds up what the invocations of workgroup `part` have summed.
fn finishOrLeave(sum: f32, part: u32, i: u32) {
  let total = sumOfWorkgroup(sum, i);
  let count = arrayLength(&parts);
  // In two axes there may be more workgroups than parts.
  if (i > 0 || part >= count) { return; }
  if (count == 1) {
    finish(total);
  } else {
    parts[part] = total;
  }
}

@compute @workgroup_size(WORKGROUP)
fn sumOfParts(@builtin(local_invocation_index) i: u32) {
  var sum = Sum();
  for (var part = i; part < arrayLength(&parts); part += WORKGROUP) { sum = add(sum, parts[part]); }
  let total = sumOfWorkgroup(sum.value, i);
  if (i == 0) { finish(total); }
}
