enable subgroups;

// As workgroup.wgsl, with two barriers in place of a tree's ten: invocations of a subgroup need no
// memory to join their values. Goes with tree.wgsl, and first, where WGSL wants `enable`.
//
// Which invocations form a subgroup, and how many, is the GPU's affair. So one of each leaves its
// subgroup's result at its own place, the others what changes nothing; then every subgroup joins all
// places, which its invocations take in turn.

fn sumOfWorkgroup(value: f32, i: u32) -> f32 {
  let ofSubgroup = subgroupAdd(value);
  partials[i] = select(0, ofSubgroup, subgroupElect());
  let first = subgroupExclusiveAdd(1u);
  let invocations = subgroupAdd(1u);
  workgroupBarrier();
  var sum = 0.0;
  for (var at = first; at < WORKGROUP; at += invocations) { sum += partials[at]; }
  // The next call may write only when all have read.
  workgroupBarrier();
  return subgroupAdd(sum);
}

// The caller guarantees that no value is NaN.
fn maximumOfWorkgroup(value: f32, i: u32) -> f32 {
  // What all of a subgroup leave changes nothing in a maximum.
  partials[i] = subgroupMax(value);
  let first = subgroupExclusiveAdd(1u);
  let invocations = subgroupAdd(1u);
  workgroupBarrier();
  var maximum = partials[first];
  for (var at = first + invocations; at < WORKGROUP; at += invocations) {
    maximum = max(maximum, partials[at]);
  }
  workgroupBarrier();
  return subgroupMax(maximum);
}
