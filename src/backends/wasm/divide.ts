import type { Tensor } from '../../tensor.js';
import { type KernelCall, type KernelName, touchedBy } from './kernel-call.js';

/** How a call is run by several threads: see assembly/step.ts. */
export interface Division {
  /** Cut among all threads, or left to the first one. */
  readonly divided: boolean;
  /** Whether all threads must have finished the calls before it. */
  readonly afterBarrier: boolean;
}

/**
 * From this many nanoseconds of work on, one thread's time, a call is cut among threads. Below it,
 * the barrier and the traffic between the cores' caches cost what the second core would save.
 */
export const WORTH_DIVIDING = 2000;

/** Nanoseconds of one core for each element, about: good enough to compare with a barrier. */
const COST_PER_ELEMENT: Partial<Record<KernelName, number>> = {
  gatherBytes: 0.2,
  gatherReals: 0.3,
  reluForward: 0.15,
  reluBackward: 0.15,
  leakyReluForward: 0.15,
  leakyReluBackward: 0.2,
  geluForward: 1.7,
  geluBackward: 2,
  sigmoidForward: 1.5,
  sigmoidBackward: 0.2,
  tanhForward: 2,
  tanhBackward: 0.2,
  add: 0.2,
  dropoutForward: 1.2,
  dropoutBackward: 1.2,
  channelsFirst: 0.3,
  channelsLast: 0.3,
  softmaxForward: 1.5,
  softmaxCrossEntropyForward: 1.5,
  softmaxCrossEntropyBackward: 0.2,
  softmaxCrossEntropyGradient: 1.5,
  linearBackwardBias: 0.15,
  conv2dBackwardBias: 0.15,
  squaredErrorBackward: 0.2,
  maxPool2dForward: 0.3,
  maxPool2dBackward: 0.3,
  maxPool2dReluBackward: 0.3,
  averagePool2dForward: 0.2,
  averagePool2dBackward: 0.3,
  globalAveragePoolForward: 0.1,
  globalAveragePoolBackward: 0.1,
  batchNormStatistics: 0.2,
  batchNormForward: 0.2,
  batchNormBackwardParameters: 0.2,
  batchNormBackwardInput: 0.3,
  sgdUpdate: 0.2,
  sgdMomentumUpdate: 0.3,
  sgdNesterovUpdate: 0.3,
  adamUpdate: 0.8,
  adamWUpdate: 0.8,
  scaleGradient: 0.15,
};

/** Multiply-adds in a nanosecond. */
const PRODUCTS_PER_NANOSECOND = 25;

/** Calls whose threads leave results for each other in memory that all of them share. */
const SHARES_SCRATCH: ReadonlySet<KernelName> = new Set([
  'softmaxCrossEntropyForward',
  'softmaxCrossEntropyGradient',
]);

/**
 * Decides, for each call, whether threads share it and whether they must meet first: they must
 * where it touches what a call since the last meeting wrote, or writes what one touched, unless the
 * first thread ran that one alone and runs this one alone.
 *
 * @param worthDividing nanoseconds of work from which on a call is cut
 * @param addressOf where each tensor lies; activations may share memory
 */
export function divideCalls(
  calls: readonly KernelCall[],
  { threads, worthDividing }: { readonly threads: number; readonly worthDividing: number },
  addressOf: (tensor: Tensor) => number,
): Division[] {
  const isDivided = (call: KernelCall) => {
    const cost = nanoseconds(call);
    return threads > 1 && cost > 0 && cost >= worthDividing;
  };
  const needsTeam = calls.some(isDivided);
  let since: { call: KernelCall; divided: boolean }[] = [];
  return calls.map((call, i) => {
    const divided = isDivided(call);
    const conflicts = ({ call: earlier, divided: earlierDivided }: (typeof since)[number]) =>
      (divided || earlierDivided) &&
      (SHARES_SCRATCH.has(call.kernel) ||
        SHARES_SCRATCH.has(earlier.kernel) ||
        collide(earlier, call, addressOf));
    // The first call follows the last one of the run before.
    const afterBarrier = needsTeam && (i === 0 || since.some(conflicts));
    if (afterBarrier) since = [];
    since.push({ call, divided });
    return { divided, afterBarrier };
  });
}

/** Time of one thread for a call, about; 0 for calls that are never cut. */
function nanoseconds({ kernel, sizes }: KernelCall): number {
  const product = Object.values(sizes).reduce((all, size) => all * size, 1);
  switch (kernel) {
    case 'matmul':
    case 'linearForward':
    case 'linearReluForward':
    case 'linearBackwardWeight':
    case 'linearBackwardInput':
      return product / PRODUCTS_PER_NANOSECOND;
    case 'conv2dForward':
    case 'conv2dBiasForward':
    case 'conv2dBiasReluForward':
    case 'conv2dBiasMaxPool2dForward':
    case 'conv2dBiasReluMaxPool2dForward':
    case 'conv2dBackwardWeightBias':
    case 'conv2dBackwardWeight':
    case 'conv2dBackwardInput': {
      const { B, C, OH, OW, OC, KH, KW, G } = sizes;
      return (B * OH * OW * OC * KH * KW * C) / G / PRODUCTS_PER_NANOSECOND;
    }
    default:
      return product * (COST_PER_ELEMENT[kernel] ?? 0);
  }
}

/**
 * Whether one call writes what the other touches. Kernels may write up to the end of a tensor's last
 * cache line, which it shares with no other tensor, so bytes behind a tensor need no thought here.
 */
function collide(
  earlier: KernelCall,
  later: KernelCall,
  addressOf: (tensor: Tensor) => number,
): boolean {
  const overlap = (a: Tensor, b: Tensor) =>
    a === b ||
    (addressOf(a) < addressOf(b) + b.byteLength && addressOf(b) < addressOf(a) + a.byteLength);
  return (
    earlier.outputs.some((written) => touchedBy(later).some((t) => overlap(written, t))) ||
    later.outputs.some((written) => touchedBy(earlier).some((t) => overlap(written, t)))
  );
}
