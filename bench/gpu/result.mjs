/** What is written down of a job: its figures, and whether what it computed was right. */

import { summarise } from '../peers/race.mjs';

/** As a part of Σ|aᵢbᵢ|: rounding of float32, times √n and some; f16 and TF32 keep 11 bits. */
const TOLERANCE = { float32: 2e-6, rounded: 2e-3 };
/** By this part of itself the first loss may differ. */
const LOSS_TOLERANCE = { float32: 1e-4, rounded: 2e-2 };

/** How handgrad ends its error where the adapter lacks what an option needs. */
const OPTION_REFUSED = /; leave the (option|precision) \S+ out$/;

/** Whether a result should make the whole run fail: what a machine cannot have does not. */
export function isFailure({ error, isAbsent, verified }) {
  return verified === false || (error !== undefined && !isAbsent);
}

/**
 * @param {import('./work.mjs').Job} job
 * @param {object} answer what its process printed
 * @param {object} [network] what prepareTraining returned
 */
export function describeResult(job, answer, network) {
  const { part, contestant, engine, task } = job;
  const identity = { part, contestant, engine };
  if (answer.error !== undefined) return { ...identity, ...describeError(answer) };
  const rounding = task.tf32 || task.options?.precision === 'f16' ? 'rounded' : 'float32';
  const describe = {
    matmul: () => describeProducts(answer, TOLERANCE[rounding]),
    overhead: () => describeOverhead(answer),
    crossover: () => ({ ...answer, verified: true }),
  };
  const training = () => describeTraining(answer, network, LOSS_TOLERANCE[rounding]);
  return { ...identity, ...(describe[part] ?? training)() };
}

function describeError({ error, isAbsent = OPTION_REFUSED.test(error) }) {
  return isAbsent ? { error, isAbsent } : { error };
}

function describeProducts(answer, tolerance) {
  // NaN comes through JSON as null, which would pass for 0.
  const isRight = ({ largestError }) => Number.isFinite(largestError) && largestError <= tolerance;
  return { ...answer, verified: answer.products.every(isRight) };
}

function describeTraining(answer, { losses, ...network }, tolerance) {
  const [want, got] = [losses[0], answer.losses[0]];
  const { batch, trainSize, testSize } = network;
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

/** The worst of the recipes' figures. There is nothing that could be compared. */
function describeOverhead(answer) {
  const recipes = answer.results.map(({ shape, overhead }) => ({ ...shape, ...overhead }));
  const microseconds = recipes.map(({ microsecondsPerKernel }) => microsecondsPerKernel);
  return { recipes, microsecondsPerKernel: Math.max(...microseconds) };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
