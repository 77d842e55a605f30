/**
 * One function per op without a gradient of its own: random values of given sizes, and its calls.
 * Sizes have the letters of the op's header.
 */
import { createStepState, type StepState, stateWords } from '../ops/step-state.js';
import type { RandomStream } from '../random/threefry.js';
import { formatShape, persistent, type Tensor, type Values } from '../tensor.js';
import { drawIntegers, drawReals, drawValues, type KernelCase, tensorsLike } from './case.js';

export interface RowSizes {
  readonly B: number;
  readonly C: number;
}

export function softmaxCase(random: RandomStream, { B, C }: RowSizes): KernelCase {
  const [p, z] = tensorsLike([B, C], 'p', 'z');
  return {
    title: `softmax ${formatShape(z.shape)}`,
    values: drawValues(random, [z]),
    append: (step) => step.call('softmaxForward', { p, z }),
  };
}

/** Running statistics of C channels that follow a batch's. */
export function batchNormStatisticsCase(random: RandomStream, C: number): KernelCase {
  const [mean, runningMean] = tensorsLike([C], 'mean', 'runningMean');
  const [variance, runningVariance] = tensorsLike([C], 'variance', 'runningVariance');
  const attributes = { momentum: random.nextFloat(), N: 2 + random.nextBelow(100) };
  const variances = [variance, runningVariance].map(
    (tensor) => [tensor, drawReals(random, C).map(Math.abs)] as const,
  );
  return {
    title: `running statistics (${C})`,
    values: new Map([...drawValues(random, [mean, runningMean]), ...variances]),
    append(step) {
      const tensors = { runningMean, runningVariance, mean, variance };
      step.call('batchNormUpdateStatistics', tensors, attributes);
    },
  };
}

export function sgdCase(random: RandomStream, size: number): KernelCase {
  const [w, v, dw] = tensorsLike([size], 'w', 'v', 'dw');
  const clock = startedClock(random);
  const { state, schedule } = clock;
  const attributes = { momentum: random.nextFloat(), weightDecay: random.nextFloat() };
  return {
    title: `sgd (${size})`,
    values: new Map([...drawValues(random, [w, v, dw]), ...clock.values]),
    append(step) {
      step.call('sgdUpdate', { w, dw, schedule, state }, attributes);
      step.call('sgdMomentumUpdate', { w, v, dw, schedule, state }, attributes);
      step.call('sgdNesterovUpdate', { w, v, dw, schedule, state }, attributes);
    },
  };
}

export function adamCase(random: RandomStream, size: number): KernelCase {
  const [w, m, v, dw] = tensorsLike([size], 'w', 'm', 'v', 'dw');
  const clock = startedClock(random);
  const { state, schedule } = clock;
  // As in use: a square mean that forgets at once, or a decay that cancels the gradient, would
  // leave a root of almost nothing, by which every rounding grows without bound.
  const attributes = {
    beta1: 0.5 + 0.5 * random.nextFloat(),
    beta2: 0.9 + 0.1 * random.nextFloat(),
    epsilon: 1e-3 * random.nextFloat(),
    weightDecay: 0.1 * random.nextFloat(),
  };
  const squares = drawReals(random, size).map(Math.abs);
  return {
    title: `adam (${size})`,
    values: new Map([...drawValues(random, [w, m, dw]), [v, squares], ...clock.values]),
    append(step) {
      step.call('adamUpdate', { w, m, v, dw, schedule, state }, attributes);
      step.call('adamWUpdate', { w, m, v, dw, schedule, state }, attributes);
    },
  };
}

/**
 * @param parameterSizes elements of each parameter
 * @param limit as a multiple of the gradients' norm, about
 */
export function gradientNormCase(
  random: RandomStream,
  parameterSizes: readonly number[],
  limit: number,
): KernelCase {
  const gradients = parameterSizes.map((size, p) => persistent(`dw${p}`, [size]));
  const squares = persistent('squares', [gradients.length]);
  const factor = persistent('factor', [1]);
  const elements = parameterSizes.reduce((sum, size) => sum + size, 0);
  return {
    title: `gradient norm of (${parameterSizes.join('), (')})`,
    values: new Map([
      ...drawValues(random, gradients),
      [squares, new Float32Array(gradients.length)],
    ]),
    append(step) {
      gradients.forEach((dw, slot) => {
        step.call('sumOfSquares', { squares, dw }, { slot });
      });
      step.call('clipFactor', { factor, squares }, { limit: limit * Math.sqrt(elements) });
      for (const dw of gradients) step.call('scaleGradient', { dw, factor });
    },
  };
}

export interface GatherSizes {
  readonly N: number;
  readonly F: number;
  readonly B: number;
}

/** A batch of B ≤ N rows from somewhere within the index. */
export function gatherCase(random: RandomStream, { N, F, B }: GatherSizes): KernelCase {
  const [bytes, reals] = [persistent('bytes', [N, F], 'uint8'), persistent('reals', [N, F])];
  const [labels, index] = [persistent('labels', [N], 'int32'), persistent('index', [N], 'int32')];
  const [x, y] = tensorsLike([B, F], 'x', 'y');
  const t = persistent('t', [B], 'int32');
  const { state } = createStepState();
  const attributes = { mean: random.nextFloat(), std: 0.1 + random.nextFloat() };
  return {
    title: `gather (${B}, ${F}) of (${N}, ${F})`,
    values: new Map<Tensor, Values>([
      [bytes, Uint8Array.from(drawIntegers(random, N * F, 256))],
      [reals, drawReals(random, N * F)],
      [labels, drawIntegers(random, N, 1000)],
      [index, drawIntegers(random, N, N)],
      [state, stateWords(1, random.nextBelow(N - B + 1))],
    ]),
    append(step) {
      step.call('gatherBytes', { x, data: bytes, index, state }, attributes);
      step.call('gatherReals', { x: y, data: reals, index, state });
      step.call('gatherLabels', { t, labels, index, state });
    },
  };
}

export function accuracyCase(random: RandomStream, { B, C }: RowSizes): KernelCase {
  const K = Math.max(C, 2);
  const scores = persistent('scores', [B, C]);
  const t = persistent('t', [B], 'int32');
  const confusion = persistent('confusion', [K, K], 'int32');
  return {
    title: `accuracy of ${formatShape(scores.shape)}`,
    values: new Map<Tensor, Values>([
      [scores, drawReals(random, B * C)],
      [t, drawIntegers(random, B, K)],
      [confusion, drawIntegers(random, K * K, 100)],
    ]),
    append: (step) => step.call('countConfusion', { confusion, scores, t }),
  };
}

export function stepStateCase(random: RandomStream): KernelCase {
  const L = persistent('L', [1]);
  const { state, losses, values } = startedClock(random);
  const batchSize = 1 + random.nextBelow(1000);
  return {
    title: 'step state',
    values: new Map([...values, ...drawValues(random, [L])]),
    append(step) {
      step.call('recordLoss', { losses, L, state });
      step.call('advance', { state }, { batchSize });
      step.call('recordLoss', { losses, L, state });
    },
  };
}

/** The state of some later step, with learning rates from 0 to 1. */
function startedClock(
  random: RandomStream,
): StepState & { readonly values: ReadonlyMap<Tensor, Values> } {
  const tensors = createStepState();
  const { state, schedule, losses } = tensors;
  const [step, row, position] = [1, 100, 1000].map((bound) => 1 + random.nextBelow(bound));
  return {
    ...tensors,
    values: new Map<Tensor, Values>([
      [state, Int32Array.of(step, row, position, 0)],
      [schedule, drawReals(random, schedule.size).map(Math.abs)],
      [losses, drawReals(random, losses.size)],
    ]),
  };
}
