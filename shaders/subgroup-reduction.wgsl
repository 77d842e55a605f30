// requires: tree-reduction
// Replaces workgroup-reduction.wgsl where subgroups are enabled: two barriers instead of the ten of a
// tree over 256 invocations, because the invocations of a subgroup combine values without memory.
//
// WGSL defines neither the size of a subgroup nor which invocations form one. Therefore one invocation
// of each subgroup stores the subgroup's result at its own index, and the others store a neutral
// value. Then every subgroup reduces all stored values, each invocation a strided share of them.
enable subgroups;

fn sumOfWorkgroup(value: f32, i: u32) -> f32 {
  let subgroupSum = subgroupAdd(value);
  partials[i] = select(0, subgroupSum, subgroupElect());
  let first = subgroupExclusiveAdd(1u);
  let invocations = subgroupAdd(1u);
  workgroupBarrier();
  var sum = 0.0;
  for (var at = first; at < WORKGROUP; at += invocations) { sum += partials[at]; }
  // The next reduction may write only after every invocation has read.
  workgroupBarrier();
  return subgroupAdd(sum);
}

// The caller guarantees that no value is NaN.
fn maximumOfWorkgroup(value: f32, i: u32) -> f32 {
  // A maximum may include the same value several times, so every invocation stores the result.
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
