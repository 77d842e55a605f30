/**
 * Work as a contestant gets it: the sizes, and a folder with the numbers.
 *
 *   matmul   a (M, K) and b (K, N), or transposed; the product goes to `result`, (M, N)
 *   train    `inputs` (S·B, I), `bytes` (the same before normalisation), `labels` (S·B), and the
 *            initial `<n>.weight` (O, I) and `<n>.bias` (O) under PyTorch's names; the losses of
 *            the first steps go to `result`
 *
 * A training job is a round of S steps on S batches, in order.
 *
 * @typedef {import('./work.mjs').Work & { folder: string, result: string, steps: number,
 *   checkedSteps: number, normalization: { mean: number, std: number } }} Job
 */

import { readIntegers, readReals } from './files.mjs';

/** @param {Job} job */
export async function readOperands({ folder }) {
  return { a: await readReals(folder, 'a'), b: await readReals(folder, 'b') };
}

/** Shapes in which the operands are stored. */
export function operandShapes({ m, k, n, transpose }) {
  const [transposeA, transposeB] = [transpose[0] === 'T', transpose[1] === 'T'];
  return {
    transposeA,
    transposeB,
    shapeA: transposeA ? [k, m] : [m, k],
    shapeB: transposeB ? [n, k] : [k, n],
  };
}

/** Inputs (B, I) and labels (B) of every step. */
export async function readBatches({ folder, steps, batch, layers: [features] }) {
  const inputs = await readReals(folder, 'inputs');
  const labels = await readIntegers(folder, 'labels');
  return Array.from({ length: steps }, (_, s) => ({
    inputs: inputs.slice(s * batch * features, (s + 1) * batch * features),
    labels: labels.slice(s * batch, (s + 1) * batch),
  }));
}

/** Initial weights (I, O) and biases (O). */
export async function readLayers({ folder, layers }) {
  const result = [];
  for (const [i, name] of parameterStems(layers).entries()) {
    const [inputs, outputs] = [layers[i], layers[i + 1]];
    const weight = transpose(await readReals(folder, `${name}.weight`), outputs, inputs);
    result.push({ inputs, outputs, weight, bias: await readReals(folder, `${name}.bias`) });
  }
  return result;
}

/** Places of the linear layers in PyTorch's `nn.Sequential`, where every other one is a ReLU. */
export function parameterStems(layers) {
  return layers.slice(1).map((_, i) => String(2 * i));
}

/** One row per label, 1 where it says. */
export function oneHot(labels, classes) {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, n) => {
    rows[n * classes + label] = 1;
  });
  return rows;
}

/** (rows, columns) → (columns, rows). */
function transpose(values, rows, columns) {
  const result = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) result[c * rows + r] = values[r * columns + c];
  }
  return result;
}
