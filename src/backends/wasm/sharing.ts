import type { KernelCall, KernelName } from './kernel-call.js';

/** How the worker pool runs a kernel. */
export type Sharing =
  | {
      /** Each thread computes its share of the results: see assembly/threads.ts. */
      readonly threads: 'all';
      /**
       * Estimated time of a call on one thread, in nanoseconds. It is only compared with the cost of
       * a barrier, so it need not be exact.
       */
      nanoseconds(call: KernelCall): number;
      /** Whether threads exchange results in the scratch memory that all of them share. */
      readonly usesSharedScratch: boolean;
    }
  | {
      /** The kernel ignores the thread's share, so only one thread may run it. */
      readonly threads: 'one';
      readonly reason: string;
    };

/** Multiply-adds per nanosecond on one thread. */
const MULTIPLY_ADDS_PER_NANOSECOND = 25;

/**
 * A kernel whose time is proportional to the number of elements that it computes or sums.
 *
 * @param elements by default the product of the sizes
 */
function shared({
  nanosecondsPerElement,
  elements = productOf,
  usesSharedScratch = false,
}: {
  readonly nanosecondsPerElement: number;
  readonly elements?: (sizes: KernelCall['sizes']) => number;
  readonly usesSharedScratch?: boolean;
}): Sharing {
  return {
    threads: 'all',
    nanoseconds: ({ sizes }) => elements(sizes) * nanosecondsPerElement,
    usesSharedScratch,
  };
}

/** A GEMM, or an implicit one. */
const sharedGemm: Sharing = {
  threads: 'all',
  nanoseconds: ({ additions }) => additions / MULTIPLY_ADDS_PER_NANOSECOND,
  usesSharedScratch: false,
};

function alone(reason: string): Sharing {
  return { threads: 'one', reason };
}

function productOf(sizes: KernelCall['sizes']): number {
  return Object.values(sizes).reduce((product, size) => product * size, 1);
}

/** Elements of B images of P pixels and C channels. */
function elementsOfImages({ B, P, C }: KernelCall['sizes']): number {
  return B * P * C;
}

const FEW_NUMBERS = 'a few numbers per example take less time than a barrier';
const ONE_SUM = 'one sum in float64 over all elements, in ascending order';

/** Whether threads share each kernel, and the time that one thread takes: a line for each kernel. */
export const SHARING: Readonly<Record<KernelName, Sharing>> = {
  matmul: sharedGemm,
  linearForward: sharedGemm,
  linearReluForward: sharedGemm,
  linearBackwardWeight: sharedGemm,
  linearBackwardBias: shared({ nanosecondsPerElement: 0.15 }),
  linearBackwardInput: sharedGemm,
  conv2dForward: sharedGemm,
  conv2dBiasForward: sharedGemm,
  conv2dBiasReluForward: sharedGemm,
  conv2dBiasMaxPool2dForward: sharedGemm,
  conv2dBiasReluMaxPool2dForward: sharedGemm,
  conv2dBackwardWeight: sharedGemm,
  conv2dBackwardWeightBias: sharedGemm,
  conv2dBackwardBias: shared({ nanosecondsPerElement: 0.15 }),
  conv2dBackwardInput: sharedGemm,
  reluForward: shared({ nanosecondsPerElement: 0.15 }),
  reluBackward: shared({ nanosecondsPerElement: 0.15 }),
  leakyReluForward: shared({ nanosecondsPerElement: 0.15 }),
  leakyReluBackward: shared({ nanosecondsPerElement: 0.2 }),
  geluForward: shared({ nanosecondsPerElement: 1.7 }),
  geluBackward: shared({ nanosecondsPerElement: 2 }),
  sigmoidForward: shared({ nanosecondsPerElement: 1.5 }),
  sigmoidBackward: shared({ nanosecondsPerElement: 0.2 }),
  tanhForward: shared({ nanosecondsPerElement: 2 }),
  tanhBackward: shared({ nanosecondsPerElement: 0.2 }),
  add: shared({ nanosecondsPerElement: 0.2 }),
  dropoutForward: shared({ nanosecondsPerElement: 1.2 }),
  dropoutBackward: shared({ nanosecondsPerElement: 1.2 }),
  channelsFirst: shared({ nanosecondsPerElement: 0.3 }),
  channelsLast: shared({ nanosecondsPerElement: 0.3 }),
  maxPool2dForward: shared({ nanosecondsPerElement: 0.3 }),
  maxPool2dBackward: shared({ nanosecondsPerElement: 0.3 }),
  maxPool2dReluBackward: shared({ nanosecondsPerElement: 0.3 }),
  averagePool2dForward: shared({ nanosecondsPerElement: 0.2 }),
  averagePool2dBackward: shared({ nanosecondsPerElement: 0.3 }),
  globalAveragePoolForward: shared({ nanosecondsPerElement: 0.1 }),
  globalAveragePoolBackward: shared({ nanosecondsPerElement: 0.1 }),
  batchNormStatistics: shared({ nanosecondsPerElement: 0.2 }),
  updateRunningStatistics: alone('a few numbers per channel take less time than a barrier'),
  batchNormForward: shared({ nanosecondsPerElement: 0.2 }),
  batchNormBackwardParameters: shared({ nanosecondsPerElement: 0.2 }),
  batchNormBackwardInput: shared({ nanosecondsPerElement: 0.3 }),
  layerNormForward: shared({ nanosecondsPerElement: 0.3 }),
  layerNormBackwardParameters: shared({ nanosecondsPerElement: 0.2 }),
  layerNormBackwardInput: shared({ nanosecondsPerElement: 0.4 }),
  groupNormForward: shared({ nanosecondsPerElement: 0.3, elements: elementsOfImages }),
  groupNormBackwardParameters: shared({ nanosecondsPerElement: 0.2, elements: elementsOfImages }),
  groupNormBackwardInput: shared({ nanosecondsPerElement: 0.4, elements: elementsOfImages }),
  embeddingForward: shared({ nanosecondsPerElement: 0.2 }),
  embeddingBackward: shared({
    nanosecondsPerElement: 0.2,
    elements: ({ N, V, D }) => (N + V) * D,
  }),
  softmaxForward: shared({ nanosecondsPerElement: 1.5 }),
  softmaxCrossEntropyForward: shared({ nanosecondsPerElement: 1.5, usesSharedScratch: true }),
  softmaxCrossEntropyBackward: shared({ nanosecondsPerElement: 0.2 }),
  softmaxCrossEntropyGradient: shared({ nanosecondsPerElement: 1.5, usesSharedScratch: true }),
  binaryCrossEntropyForward: alone(FEW_NUMBERS),
  binaryCrossEntropyBackward: alone(FEW_NUMBERS),
  mnistLossForward: alone(FEW_NUMBERS),
  mnistLossBackward: alone(FEW_NUMBERS),
  squaredErrorForward: alone(ONE_SUM),
  squaredErrorBackward: shared({ nanosecondsPerElement: 0.2 }),
  sgdUpdate: shared({ nanosecondsPerElement: 0.2 }),
  sgdMomentumUpdate: shared({ nanosecondsPerElement: 0.3 }),
  sgdNesterovUpdate: shared({ nanosecondsPerElement: 0.3 }),
  adamUpdate: shared({ nanosecondsPerElement: 0.8 }),
  adamWUpdate: shared({ nanosecondsPerElement: 0.8 }),
  sumOfSquares: alone(ONE_SUM),
  clipFactor: alone('one number per parameter, summed in ascending order'),
  scaleGradient: shared({ nanosecondsPerElement: 0.15 }),
  gatherBytes: shared({ nanosecondsPerElement: 0.2 }),
  gatherReals: shared({ nanosecondsPerElement: 0.3 }),
  gatherLabels: alone('one number per example takes less time than a barrier'),
  countCorrect: alone('examples of one class increment the same counts'),
  countConfusion: alone('examples of one class increment the same count'),
  recordLoss: alone('one number'),
  advance: alone('three numbers'),
};
