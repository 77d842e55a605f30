// The step walker: runs a list of kernel calls many times without leaving WebAssembly.
//
//   list   one entry per call:  [ u32 index of the kernel in the function table, u32 its arguments ]

export function runStep(list: usize, calls: i32, times: i32): void {
  const end = list + 8 * calls;
  for (let t = 0; t < times; t++) {
    for (let entry = list; entry < end; entry += 8) {
      call_indirect<void>(load<u32>(entry), <usize>load<u32>(entry + 4));
    }
  }
}
