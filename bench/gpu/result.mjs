/** What is written down of a job: its figures, and whether what it computed was right. */

import { summarise } from './products.mjs';

/** As a part of Σ|aᵢbᵢ|: rounding of float32, times √n and some; f16 and TF32 keep 11 bits. */
const TOLERANCE = { float32: 2e-6, rounded: 2e-3 };
/** By this part of itself the first loss may differ. */
const LOSS_TOLERANCE = { float32: 1e-4, rounded: 2e-2 };

/**
 * @param {import('./work.mjs').Job} job
 * @param {object} answer what its process printed
 * @param {object} [network] what prepareTraining returned
 */
export function describeResult(job, answer, network) {
  const { part, contestant, engine, task } = job;
  const identity = { part, contestant, engine };
  if (answer.error !== undefined) return { ...identity, error: answer.error };
  const rounding = task.tf32 || task.options?.precision === 'f16' ? 'rounded' : 'float32';
  const describe = {
    matmul: () => describeProducts(answer, TOLERANCE[rounding]),
    overhead: () => describeOverhead(answer),
    crossover: () => ({ ...answer, verified: true }),
  };
  const training = () => describeTraining(answer, network, LOSS_TOLERANCE[rounding]);
  return { ...identity, ...(describe[part] ?? training)() };
}

function describeProducts(answer, tolerance) {
  // Written so that NaN is wrong.
  const verified = answer.products.every(({ largestError }) => largestError <= tolerance);
  return { ...answer, verified };
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
    verified: Math.abs(got - want) <= tolerance * Math.abs(want),
    seconds: summarise(answer.epochs.map(({ seconds }) => seconds)).median,
    accuracy: mean(answer.epochs.map(({ accuracy }) => accuracy)),
  };
}

/** The worst of the recipes' figures. */
function describeOverhead(answer) {
  const recipes = answer.results.map(({ shape, overhead }) => ({ ...shape, ...overhead }));
  const microseconds = recipes.map(({ microsecondsPerKernel }) => microsecondsPerKernel);
  return { recipes, microsecondsPerKernel: Math.max(...microseconds), verified: true };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
