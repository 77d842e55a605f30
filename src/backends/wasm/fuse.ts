import type { Tensor } from '../../tensor.js';
import { type KernelCall, type KernelName, touchedBy } from './kernel-call.js';

/**
 * Kernel fusion: replaces neighbouring calls by one kernel where that saves a pass through memory.
 * Results are the same bits; only the tensors between the two calls are no longer written.
 */
export function fuse(calls: readonly KernelCall[]): KernelCall[] {
  const fused: KernelCall[] = [];
  for (const call of calls) {
    const before = fused[fused.length - 1] as KernelCall | undefined;
    const both = before && fusePair(before, call, calls);
    if (both) fused.pop();
    fused.push(both ?? call);
  }
  // Removing a call may leave a tensor with two users, which makes another fusion possible.
  return fused.length < calls.length ? fuse(fused) : fused;
}

/** Returns the call that replaces two, or undefined. `calls` are those of the whole step. */
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

/** Whether a tensor only passes from one call to the next: nothing else uses it. */
function isIntermediate(tensor: Tensor, calls: readonly KernelCall[]): boolean {
  const users = calls.filter((call) => touchedBy(call).includes(tensor));
  return tensor.storage === 'activation' && users.length === 2;
}

/** The loss and its gradient: L and dz from z and t. p = softmax(z) stays in registers. */
const fuseLoss: Fusion = (first, second, calls) => {
  if (first.kernel !== 'softmaxCrossEntropyForward') return undefined;
  const [L, p] = first.outputs;
  const [read, t] = second.inputs;
  if (read !== p || t !== first.inputs[1] || !isIntermediate(p, calls)) return undefined;
  return { ...first, kernel: 'softmaxCrossEntropyGradient', outputs: [L, ...second.outputs] };
};

const WITH_RELU: Partial<Readonly<Record<KernelName, KernelName>>> = {
  linearForward: 'linearReluForward',
  conv2dBiasForward: 'conv2dBiasReluForward',
};

/** ReLU in the epilogue of a layer. Backward of ReLU reads the result, not the layer's output. */
const fuseRelu: Fusion = (first, second, calls) => {
  const kernel = WITH_RELU[first.kernel];
  const [y] = first.outputs;
  if (!kernel || second.inputs[0] !== y || !isIntermediate(y, calls)) return undefined;
  return { ...first, kernel, outputs: second.outputs };
};

const WITH_POOLING: Partial<Readonly<Record<KernelName, KernelName>>> = {
  conv2dBiasForward: 'conv2dBiasMaxPool2dForward',
  conv2dBiasReluForward: 'conv2dBiasReluMaxPool2dForward',
};

/** Most bytes of one convolved image: it has to fit into scratch memory beside the packed operands. */
const LARGEST_CONVOLVED = 2 ** 19;
/** Threads share the fused kernel by image. With fewer images, sharing the tiles of each is faster. */
const FEWEST_IMAGES = 16;

/** Max pooling in the epilogue of a convolution, image by image, so that it stays in the cache. */
const fusePooling: Fusion = (first, second, calls) => {
  const kernel = WITH_POOLING[first.kernel];
  const [y] = first.outputs;
  if (!kernel || second.inputs[0] !== y || !isIntermediate(y, calls)) return undefined;
  // The fused kernel does not keep rounding errors.
  if (first.errors) return undefined;
  const [images] = y.shape;
  if (images < FEWEST_IMAGES || y.byteLength / images > LARGEST_CONVOLVED) return undefined;
  return { ...first, kernel, outputs: second.outputs, attributes: second.attributes };
};

/**
 * The gradients of max pooling and of the ReLU before it. The largest number of a window is positive
 * exactly where the pooled one is, so the kernel reads the pooled tensor instead of ReLU's output.
 */
const fusePoolingBackward: Fusion = (first, second, calls) => {
  if (first.kernel !== 'maxPool2dBackward') return undefined;
  const [dx] = first.outputs;
  const [dy, index] = first.inputs;
  const [read, y] = second.inputs;
  const pooling = calls.find(
    (call) => call.kernel === 'maxPool2dForward' && call.outputs[1] === index,
  );
  if (read !== dx || pooling?.inputs[0] !== y || !isIntermediate(dx, calls)) return undefined;
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

/** Fusions by the kernel of the second call. */
const FUSIONS: Partial<Readonly<Record<KernelName, Fusion>>> = {
  softmaxCrossEntropyBackward: fuseLoss,
  reluForward: fuseRelu,
  maxPool2dForward: fusePooling,
  reluBackward: fusePoolingBackward,
  conv2dBackwardBias: fuseBias,
};
