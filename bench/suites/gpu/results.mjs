/** The results of jobs: figures, and whether the computed values were correct. */

import { summarise, tolerance } from '../../../dist/bench/library.mjs';

/**
 * Error from rounding operands, as a share of Σ|aᵢbᵢ|. f16 and TF32 have 11 significant bits, so each
 * operand is off by up to 2⁻¹¹ of itself, and a product by up to 2⁻¹⁰; doubled for rounded partial
 * sums.
 */
const OPERAND_ROUNDING = { float32: 0, rounded: 2 ** -9 };
/** Relative tolerance of the first loss. */
const LOSS_TOLERANCE = { float32: 1e-4, rounded: 2e-2 };

/** The end of handgrad's error if the adapter lacks a feature that an option needs. */
const OPTION_REFUSED = /; leave the (option|precision) \S+ out$/;

/** Whether a result makes the run fail. An engine or option that is not available does not. */
export function isFailure({ error, isAbsent, verified }) {
  return verified === false || (error !== undefined && !isAbsent);
}

/**
 * @param {import('./workloads.mjs').Job} job
 * @param {object} answer of its subprocess
 * @param {object} [model] result of `prepareModel`
 */
export function describeResult(job, answer, model) {
  const { part, candidate, engine, task } = job;
  const identity = { part, candidate, engine };
  if (answer.error !== undefined) return { ...identity, ...describeError(answer) };
  const rounding = task.tf32 || task.options?.precision === 'f16' ? 'rounded' : 'float32';
  const describe = {
    matmul: () => describeProducts(answer, OPERAND_ROUNDING[rounding]),
    overhead: () => describeOverhead(answer),
    crossover: () => ({ ...answer, verified: true }),
  };
  const training = () => describeTraining(answer, model, LOSS_TOLERANCE[rounding]);
  return { ...identity, ...(describe[part] ?? training)() };
}

function describeError({ error, isAbsent = OPTION_REFUSED.test(error) }) {
  return isAbsent ? { error, isAbsent } : { error };
}

function describeProducts(answer, operandRounding) {
  // JSON turns NaN into null, and null ≤ x is true.
  const isCorrect = ({ n, largestError }) =>
    Number.isFinite(largestError) && largestError <= operandRounding + tolerance(n, 1);
  return { ...answer, verified: answer.products.every(isCorrect) };
}

function describeTraining(answer, { losses, ...model }, tolerance) {
  const [want, got] = [losses[0], answer.losses[0]];
  const { batch, trainSize, testSize } = model;
  return {
    ...answer,
    batch,
    trainSize,
    testSize,
    firstLoss: { want, got },
    verified: Number.isFinite(got) && Math.abs(got - want) <= tolerance * Math.abs(want),
    seconds: summarise(answer.epochs.map(({ seconds }) => seconds)).median,
    accuracy: mean(answer.epochs.map(({ accuracy }) => accuracy)),
  };
}

/** The largest figure of all recipes. Overhead compares no results. */
function describeOverhead(answer) {
  const recipes = answer.results.map(({ shape, overhead }) => ({ ...shape, ...overhead }));
  const microseconds = recipes.map(({ microsecondsPerKernel }) => microsecondsPerKernel);
  return { recipes, microsecondsPerKernel: Math.max(...microseconds) };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
