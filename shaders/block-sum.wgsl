// expects: Value
// The long sums of one invocation, as a tree of blocks: 32 terms make a block, 32 blocks a block of the
// next level, and so on. The relative error therefore does not grow with the number of terms, and does
// not depend on compensations, which compilers may remove. The shader declares the type that is summed:
// alias Value = f32, or a vector.

// The terms so far, and the sums of the unfinished block of each level.
struct Sum { count: u32, terms: Value, blocks: Value, blocks2: Value, blocks3: Value }

// sum + term
fn add(sum: Sum, term: Value) -> Sum {
  var next = sum;
  next.terms += term;
  next.count++;
  if (next.count % 32 > 0) { return next; }
  next.blocks += next.terms;
  next.terms = Value();
  if (next.count % 1024 > 0) { return next; }
  next.blocks2 += next.blocks;
  next.blocks = Value();
  if (next.count % 32768 > 0) { return next; }
  next.blocks3 += next.blocks2;
  next.blocks2 = Value();
  return next;
}

fn valueOf(sum: Sum) -> Value { return ((sum.terms + sum.blocks) + sum.blocks2) + sum.blocks3; }
