/**
 * How far a float32 kernel may be from the float64 reference that was given the same numbers:
 *
 *   |got − want| ≤ 2⁻¹²⁶ + c ε √K · magnitude
 *
 *   ε = 2⁻²³     distance from 1 to the next float32
 *   K            how many numbers the element is summed from; roundings of either sign grow as √K
 *   magnitude    Σ|aᵢbᵢ| of the sum: what it would be if nothing cancelled
 *   2⁻¹²⁶        the smallest normal float32, below which kernels may flush to zero
 *
 * Where nothing cancels, the magnitude is that of the result, and the bound is a relative error.
 */
import { density, distribution } from '../ops/gelu.js';
import type { OpName } from '../ops/registry.js';
import { type Call, definitionOf } from '../step.js';
import type { Values } from '../tensor.js';

/** An op's operands or results, by role. */
export type ValuesByRole = Readonly<Record<string, Values>>;

const SMALLEST = 2 ** -126;
const EPSILON = 2 ** -23;
const ROUNDINGS = 4;

interface Rule {
  /** K, from the op's sizes; 1 where it is absent. */
  readonly terms?: (sizes: readonly number[]) => number;
  /** Magnitudes by role, for those outputs where they are not the results' own. */
  readonly magnitudes?: (operands: ValuesByRole, call: Call) => ValuesByRole;
}

const RELATIVE: Rule = {};

const RULES: Readonly<Record<OpName, Rule>> = {
  matmul: { terms: ([, , K]) => K, magnitudes: absolute() },
  linearForward: { terms: ([, I]) => I + 1, magnitudes: absolute() },
  linearBackwardWeight: { terms: ([B]) => B, magnitudes: absolute() },
  linearBackwardBias: { terms: ([B]) => B, magnitudes: absolute() },
  linearBackwardInput: { terms: ([, , O]) => O, magnitudes: absolute() },
  conv2dForward: { terms: windowTerms, magnitudes: absolute() },
  conv2dBiasForward: { terms: windowTerms, magnitudes: absolute() },
  conv2dBackwardWeight: { terms: ([B, , , , OH, OW]) => B * OH * OW, magnitudes: absolute() },
  conv2dBackwardBias: { terms: ([N]) => N, magnitudes: absolute() },
  conv2dBackwardInput: { terms: windowGradientTerms, magnitudes: absolute() },
  reluForward: RELATIVE,
  reluBackward: RELATIVE,
  leakyReluForward: RELATIVE,
  leakyReluBackward: RELATIVE,
  // A quotient of sums of five and six numbers.
  geluForward: { terms: () => 6 },
  geluBackward: { magnitudes: geluBackwardMagnitudes },
  sigmoidForward: RELATIVE,
  sigmoidBackward: RELATIVE,
  tanhForward: RELATIVE,
  tanhBackward: { magnitudes: ({ dy, y }) => ({ dx: dy.map((d, i) => d * (1 + y[i] ** 2)) }) },
  add: RELATIVE,
  dropoutForward: RELATIVE,
  dropoutBackward: RELATIVE,
  flattenForward: RELATIVE,
  flattenBackward: RELATIVE,
  maxPool2dForward: RELATIVE,
  maxPool2dBackward: { magnitudes: absolute() },
  averagePool2dForward: { magnitudes: absolute() },
  averagePool2dBackward: { magnitudes: absolute() },
  globalAveragePoolForward: { terms: ([, P]) => P, magnitudes: absolute() },
  globalAveragePoolBackward: RELATIVE,
  batchNormStatistics: {
    terms: ([N]) => N,
    magnitudes: (operands, call) => ({ mean: absolute()(operands, call).mean }),
  },
  batchNormUpdateStatistics: { magnitudes: absolute() },
  batchNormForward: { magnitudes: absolute('mean') },
  batchNormBackwardParameters: { terms: ([N]) => N, magnitudes: absolute('mean') },
  batchNormBackwardInput: { magnitudes: absolute('mean', 'dGamma', 'dBeta') },
  softmaxForward: { terms: ([, C]) => C, magnitudes: softmaxMagnitudes },
  softmaxCrossEntropyForward: { terms: ([, C]) => C, magnitudes: softmaxMagnitudes },
  softmaxCrossEntropyBackward: RELATIVE,
  binaryCrossEntropyForward: { terms: ([B]) => B, magnitudes: binaryCrossEntropyMagnitudes },
  binaryCrossEntropyBackward: RELATIVE,
  mnistLossForward: { terms: ([B]) => B },
  mnistLossBackward: RELATIVE,
  squaredErrorForward: { terms: ([n]) => n },
  squaredErrorBackward: RELATIVE,
  // A learning rate below zero turns w − η (dw + λ w) into a sum.
  sgdUpdate: { magnitudes: absolute('schedule') },
  sgdMomentumUpdate: { magnitudes: absolute('schedule') },
  sgdNesterovUpdate: { magnitudes: absolute('schedule') },
  adamUpdate: { magnitudes: absolute('schedule') },
  adamWUpdate: { magnitudes: absolute('schedule') },
  sumOfSquares: { terms: ([n]) => n },
  clipFactor: { terms: ([P]) => P },
  scaleGradient: RELATIVE,
  gatherBytes: { magnitudes: absolute('mean') },
  gatherReals: RELATIVE,
  gatherLabels: RELATIVE,
  countConfusion: RELATIVE,
  recordLoss: RELATIVE,
  advance: RELATIVE,
};

/**
 * The bound of each element of each output. Inputs must stay as they are, integers be equal.
 *
 * @param operands what the call reads
 * @param want the reference's results
 */
export function boundsOf(
  call: Call,
  operands: ValuesByRole,
  want: ValuesByRole,
): (role: string, index: number) => number {
  const { terms, magnitudes } = RULES[call.op];
  const K = terms?.(call.sizes) ?? 1;
  const sums = { ...want, ...magnitudes?.(operands, call) };
  const factor = ROUNDINGS * EPSILON * Math.sqrt(K);
  const { outputs } = definitionOf(call.op);
  return (role, index) => {
    if (isInteger(want[role]) || !outputs.includes(role)) return 0;
    return SMALLEST + factor * Math.abs(sums[role][index]);
  };
}

/** Results of the reference on absolute values, with the operands and attributes `negated` below zero. */
function absolute(...negated: string[]) {
  return (operands: ValuesByRole, { op, sizes, attributes }: Call): ValuesByRole => {
    const values: Record<string, Values> = {};
    for (const [role, operand] of Object.entries(operands)) {
      values[role] = isInteger(operand) ? operand.slice() : operand.map(Math.abs);
      if (negated.includes(role)) values[role] = values[role].map((value) => -value);
    }
    const numbers = { ...attributes };
    for (const name of negated) if (name in numbers) numbers[name] = -Math.abs(numbers[name]);
    definitionOf(op).reference(values, sizes, numbers);
    return values;
  };
}

/**
 * The rounding of z − m, at most |z − m| ε/2, becomes a relative error of e^(z−m): so p counts
 * 1 + m − z times. The loss, log S − (z[t] − m), adds two numbers that are not below zero.
 */
function softmaxMagnitudes({ z, t }: ValuesByRole, { sizes: [B, C] }: Call): ValuesByRole {
  const p = new Float64Array(B * C);
  let L = 0;
  for (let n = 0; n < B; n++) {
    const row = Array.from(z.subarray(n * C, (n + 1) * C));
    const maximum = Math.max(...row);
    const S = row.reduce((sum, logit) => sum + Math.exp(logit - maximum), 0);
    row.forEach((logit, c) => {
      p[n * C + c] = (Math.exp(logit - maximum) / S) * (1 + maximum - logit);
    });
    if (t) L += 1 + Math.log(S) + maximum - row[t[n]];
  }
  return { p, L: Float64Array.of(L / B) };
}

/** Products in an element of a convolution, which reads the channels of its group, and its bias. */
function windowTerms(sizes: readonly number[]): number {
  const [, , , C, , , , KH, KW] = sizes;
  return KH * KW * (C / groupsOf(sizes)) + 1;
}

/** Products in an element of dx, which hears of the output channels of its group. */
function windowGradientTerms(sizes: readonly number[]): number {
  const [, , , , , , OC, KH, KW] = sizes;
  return KH * KW * (OC / groupsOf(sizes));
}

/** The last of a convolution's sizes. */
function groupsOf(sizes: readonly number[]): number {
  return sizes[15];
}

/** max(z, 0) − t z cancels for a right answer. */
function binaryCrossEntropyMagnitudes({ z, t }: ValuesByRole, { sizes: [B] }: Call): ValuesByRole {
  let L = 0;
  for (let n = 0; n < B; n++) {
    L += Math.max(z[n], 0) + t[n] * Math.abs(z[n]) + Math.log1p(Math.exp(-Math.abs(z[n])));
  }
  return { L: Float64Array.of(L / B) };
}

/** Φ(x) + x φ(x) cancels below zero. */
function geluBackwardMagnitudes({ dy, x }: ValuesByRole): ValuesByRole {
  return { dx: dy.map((d, i) => d * (distribution(x[i]) + Math.abs(x[i]) * density(x[i]))) };
}

function isInteger(values: Values): boolean {
  return values instanceof Int32Array || values instanceof Uint8Array;
}
