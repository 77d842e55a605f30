// The WebAssembly core: one exported kernel per op, under the op's name, and the walker that runs
// a step. src/backends/wasm/ puts the kernels into the function table and links steps to them.
export * from './accuracy';
export * from './adam';
export * from './binary-cross-entropy';
export * from './gather';
export * from './gradient-norm';
export * from './linear';
export * from './matmul';
export { mnistLossBackward, mnistLossForward } from './mnist-loss';
export * from './relu';
export * from './roof';
export * from './sgd';
export { sigmoidBackward, sigmoidForward } from './sigmoid';
export * from './softmax-cross-entropy';
export * from './squared-error';
export { runStep } from './step';
export { advance, recordLoss } from './step-state';
export * from './tanh';

/** First byte that the core's own data leaves free. */
export function heapBase(): usize {
  return __heap_base;
}
