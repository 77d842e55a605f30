import type { Tensor } from '../../tensor.js';
import { type KernelCall, type KernelName, touchedBy } from './kernel-call.js';

/**
 * Replaces neighbouring calls by one kernel where that saves a pass through memory. The step's list,
 * and what comes of it, stay the same; only tensors between the two are never written.
 */
export function fuse(calls: readonly KernelCall[]): KernelCall[] {
  const fused: KernelCall[] = [];
  for (const call of calls) {
    const before = fused.at(-1);
    const both = before && fusePair(before, call, calls);
    if (both) fused.pop();
    fused.push(both ?? call);
  }
  // A fused kernel may leave a tensor to two calls that had a third user before.
  return fused.length < calls.length ? fuse(fused) : fused;
}

/** A kernel that does what both calls do, if there is one. `calls` are those of the whole step. */
type Fusion = (
  first: KernelCall,
  second: KernelCall,
  calls: readonly KernelCall[],
) => KernelCall | undefined;

function fusePair(
  first: KernelCall,
  second: KernelCall,
  calls: readonly KernelCall[],
): KernelCall | undefined {
  return FUSIONS[second.kernel]?.(first, second, calls);
}

/** Whether nobody touches a tensor but the two calls that hand it on. */
function isBetween(tensor: Tensor, calls: readonly KernelCall[]): boolean {
  const users = calls.filter((call) => touchedBy(call).includes(tensor));
  return tensor.storage === 'activation' && users.length === 2;
}

/** L and dz of z and t: p = softmax(z) stays in registers and in the row of dz. */
const fuseLoss: Fusion = (first, second, calls) => {
  if (first.kernel !== 'softmaxCrossEntropyForward') return undefined;
  const [L, p] = first.outputs;
  const [read, t] = second.inputs;
  if (read !== p || t !== first.inputs[1] || !isBetween(p, calls)) return undefined;
  return { ...first, kernel: 'softmaxCrossEntropyGradient', outputs: [L, ...second.outputs] };
};

const WITH_RELU: Partial<Readonly<Record<KernelName, KernelName>>> = {
  linearForward: 'linearReluForward',
  conv2dBiasForward: 'conv2dBiasReluForward',
};

/** max(0, a layer's output), whose backward reads this and not the output before it. */
const fuseRelu: Fusion = (first, second, calls) => {
  const kernel = WITH_RELU[first.kernel];
  const [y] = first.outputs;
  if (!kernel || second.inputs[0] !== y || !isBetween(y, calls)) return undefined;
  return { ...first, kernel, outputs: second.outputs };
};

const WITH_POOLING: Partial<Readonly<Record<KernelName, KernelName>>> = {
  conv2dBiasForward: 'conv2dBiasMaxPool2dForward',
  conv2dBiasReluForward: 'conv2dBiasReluMaxPool2dForward',
};

/** Bytes of one image's convolution that fit into scratch memory, beside what it needs itself. */
const LARGEST_CONVOLVED = 2 ** 19;
/** Threads share the images: of fewer, they had better share the tiles of each. */
const FEWEST_IMAGES = 16;

/** The maxima of a convolution's windows, image by image, so that it never leaves the core. */
const fusePooling: Fusion = (first, second, calls) => {
  const kernel = WITH_POOLING[first.kernel];
  const [y] = first.outputs;
  if (!kernel || second.inputs[0] !== y || !isBetween(y, calls)) return undefined;
  const [images] = y.shape;
  if (images < FEWEST_IMAGES || y.byteLength / images > LARGEST_CONVOLVED) return undefined;
  return { ...first, kernel, outputs: second.outputs, attributes: second.attributes };
};

/**
 * The gradient of ReLU and then pooling: a window's largest number is above 0 if the pooled one is,
 * which takes the place of ReLU's whole output.
 */
const fusePoolingBackward: Fusion = (first, second, calls) => {
  if (first.kernel !== 'maxPool2dBackward') return undefined;
  const [dx] = first.outputs;
  const [dy, index] = first.inputs;
  const [read, y] = second.inputs;
  const pooling = calls.find(
    (call) => call.kernel === 'maxPool2dForward' && call.outputs[1] === index,
  );
  if (read !== dx || pooling?.inputs[0] !== y || !isBetween(dx, calls)) return undefined;
  return {
    ...first,
    kernel: 'maxPool2dReluBackward',
    outputs: second.outputs,
    inputs: [dy, index, pooling.outputs[0]],
  };
};

/** The gradients of weight and bias, which read the same dy. */
const fuseBias: Fusion = (first, second) => {
  if (first.kernel !== 'conv2dBackwardWeight' || first.inputs[1] !== second.inputs[0]) {
    return undefined;
  }
  return {
    ...first,
    kernel: 'conv2dBackwardWeightBias',
    outputs: [...first.outputs, ...second.outputs],
  };
};

/** By the second kernel. */
const FUSIONS: Partial<Readonly<Record<KernelName, Fusion>>> = {
  softmaxCrossEntropyBackward: fuseLoss,
  reluForward: fuseRelu,
  maxPool2dForward: fusePooling,
  reluBackward: fusePoolingBackward,
  conv2dBackwardBias: fuseBias,
};
