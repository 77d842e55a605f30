import type { Tensor } from '../../tensor.js';
import { type KernelCall, touchedBy } from './kernel-call.js';

/**
 * Replaces neighbouring calls by one kernel where that saves a pass through memory. The step's list,
 * and what comes of it, stay the same; only tensors between the two are never written.
 */
export function fuse(calls: readonly KernelCall[]): KernelCall[] {
  const fused: KernelCall[] = [];
  for (const call of calls) {
    const before = fused.at(-1);
    const both = before && fusePair(before, call, (tensor) => isBetween(tensor, calls));
    if (both) fused.pop();
    fused.push(both ?? call);
  }
  return fused;
}

/** Whether nobody but the two calls that are fused touches a tensor. */
type IsBetween = (tensor: Tensor) => boolean;

function isBetween(tensor: Tensor, calls: readonly KernelCall[]): boolean {
  const users = calls.filter((call) => touchedBy(call).includes(tensor));
  return tensor.storage === 'activation' && users.length === 2;
}

function fusePair(
  first: KernelCall,
  second: KernelCall,
  isBetween: IsBetween,
): KernelCall | undefined {
  switch (second.kernel) {
    case 'softmaxCrossEntropyBackward':
      return fuseLoss(first, second, isBetween);
    case 'reluForward':
      return fuseRelu(first, second, isBetween);
    default:
      return undefined;
  }
}

/** L and dz of z and t: p = softmax(z) stays in registers and in the row of dz. */
function fuseLoss(
  first: KernelCall,
  second: KernelCall,
  isBetween: IsBetween,
): KernelCall | undefined {
  if (first.kernel !== 'softmaxCrossEntropyForward') return undefined;
  const [L, p] = first.outputs;
  const [read, t] = second.inputs;
  if (read !== p || t !== first.inputs[1] || !isBetween(p)) return undefined;
  return { ...first, kernel: 'softmaxCrossEntropyGradient', outputs: [L, ...second.outputs] };
}

const WITH_RELU = {
  linearForward: 'linearReluForward',
  conv2dBiasForward: 'conv2dBiasReluForward',
} as const;

/** max(0, a layer's output), whose backward reads this and not the output before it. */
function fuseRelu(
  first: KernelCall,
  second: KernelCall,
  isBetween: IsBetween,
): KernelCall | undefined {
  const { kernel } = first;
  if (kernel !== 'linearForward' && kernel !== 'conv2dBiasForward') return undefined;
  const [y] = first.outputs;
  if (second.inputs[0] !== y || !isBetween(y)) return undefined;
  return { ...first, kernel: WITH_RELU[kernel], outputs: second.outputs };
}
