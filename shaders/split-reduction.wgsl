// requires: block-sum, workgroup-reduction
// expects: finish
// Split reduction: a sum that is too long for one workgroup. Each of S workgroups sums one split of the
// terms and writes its partial sum to `scratch` (S); a second pass of one workgroup sums those. With a
// single split there is no second pass. The shader declares the function that stores the total:
//
//   fn finish(total: f32)

alias Value = f32;

@group(0) @binding(SCRATCH_BINDING) var<storage, read_write> scratch: array<f32>;

// Tree reduction over the invocations' sums in the workgroup of `split`; i is the invocation.
fn reduceSplit(sum: f32, split: u32, i: u32) {
  let total = sumOfWorkgroup(sum, i);
  let count = arrayLength(&scratch);
  // A dispatch in two axes may have more workgroups than splits.
  if (i > 0 || split >= count) { return; }
  if (count == 1) {
    finish(total);
  } else {
    scratch[split] = total;
  }
}

@compute @workgroup_size(WORKGROUP)
fn sumSplits(@builtin(local_invocation_index) i: u32) {
  var sum = Sum();
  for (var s = i; s < arrayLength(&scratch); s += WORKGROUP) { sum = add(sum, scratch[s]); }
  let total = sumOfWorkgroup(valueOf(sum), i);
  if (i == 0) { finish(total); }
}
