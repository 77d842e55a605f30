// The WebAssembly core: one exported kernel per op, under the op's name, and the walker that runs
// a step. src/backends/wasm/ adds the kernels to the function table and links steps to them.
export * from './accuracy';
export * from './adam';
export * from './add';
export { averagePool2dBackward, averagePool2dForward } from './average-pool2d';
export {
  batchNormBackwardInput,
  batchNormBackwardParameters,
  batchNormForward,
  batchNormStatistics,
} from './batch-norm';
export * from './binary-cross-entropy';
export {
  conv2dBackwardBias,
  conv2dBackwardInput,
  conv2dBiasForward,
  conv2dBiasReluForward,
  conv2dForward,
} from './conv2d';
export { conv2dBiasMaxPool2dForward, conv2dBiasReluMaxPool2dForward } from './conv2d-pool';
export { conv2dBackwardWeight, conv2dBackwardWeightBias } from './conv2d-weight';
export * from './embedding';
export * from './gather';
export * from './gelu';
export * from './gradient-norm';
export * from './dropout';
export { groupNormBackwardInput, groupNormBackwardParameters, groupNormForward } from './group-norm';
export * from './image-layout';
export { layerNormBackwardInput, layerNormBackwardParameters, layerNormForward } from './layer-norm';
export * from './leaky-relu';
export * from './global-average-pool';
export * from './linear';
export * from './matmul';
export { maxPool2dBackward, maxPool2dForward, maxPool2dReluBackward } from './max-pool2d';
export { mnistLossBackward, mnistLossForward } from './mnist-loss';
export * from './relu';
export * from './peaks';
export { updateRunningStatistics } from './running-statistics';
export * from './sgd';
export { sigmoidBackward, sigmoidForward } from './sigmoid';
export * from './softmax-cross-entropy';
export * from './squared-error';
export { runAlone, runStep, workerLoop } from './step';
export { advance, recordLoss } from './step-state';
export * from './tanh';
export { fail, joinWorkerPool, workerPoolBytes } from './threads';
export { setPairsStrips } from './gemm-pairs';
export { setTileRows } from './tile-rows';

/** First byte after the core's static data. */
export function heapBase(): usize {
  return __heap_base;
}
