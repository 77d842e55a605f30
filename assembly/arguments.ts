// Reads the arguments of a kernel. For each call, src/backends/wasm/linker.ts writes 32-bit words:
// pointers of outputs, updates and inputs, then sizes; and from the next multiple of 8 bytes on, the
// attributes as float64.
//
// test/backends/wasm/kernel-arguments.test.ts compares what kernels read with the op's definition:
// assign each pointer to a constant named after its role, and each size to one named after the size.

// @ts-ignore: decorator
@inline export function pointer(args: usize, word: i32): usize {
  return <usize>load<u32>(args + 4 * word);
}

// @ts-ignore: decorator
@inline export function size(args: usize, word: i32): i32 {
  return load<i32>(args + 4 * word);
}

/** Attribute number `i` of a call that has `words` pointers and sizes. */
// @ts-ignore: decorator
@inline export function attribute(args: usize, words: i32, i: i32): f64 {
  return load<f64>(args + 8 * ((words + 1) / 2 + i));
}
