/**
 * The complete training step of a network 784 → 100 → 100 → 10, written out: the forward pass, the
 * gradient of the loss, all other gradients by the chain rule, and the update. Each line calls one
 * op, and its comment is the formula. The derivations are in src/ops.
 *
 *   npm run build && npx tsx examples/node/mlp-by-hand.ts
 *
 *   x (B, 784)    W1 (784, 100)    W2 (100, 100)    W3 (100, 10)
 *   z1, h1, z2, h2 (B, 100)        logits (B, 10)
 *
 * The gradient of the loss with respect to x is named dx, and has the shape of x.
 */
import { pathToFileURL } from 'node:url';
import { type Backend, createBackend, RandomStream, type Reals } from 'handgrad';
import { syntheticDigits } from 'handgrad/data';

/** Weights (inputs, outputs) and biases (outputs) of the three layers. */
export interface Parameters {
  W1: Reals;
  b1: Reals;
  W2: Reals;
  b2: Reals;
  W3: Reals;
  b3: Reals;
}

/**
 * Computes the loss of one batch and its gradient with respect to every parameter.
 *
 * @param x (B, 784)
 * @param labels (B), integers from 0 to 9
 */
export async function lossAndGradients(
  backend: Backend,
  { W1, b1, W2, b2, W3, b3 }: Parameters,
  x: ArrayLike<number>,
  labels: ArrayLike<number>,
) {
  const B = labels.length;

  // Forward: three linear layers with a ReLU between them.
  const z1 = await backend.linear(x, W1, b1, { batch: B, inputs: 784, outputs: 100 }); // z1 = x·W1 + b1
  const h1 = await backend.relu(z1); // h1 = max(z1, 0)
  const z2 = await backend.linear(h1, W2, b2, { batch: B, inputs: 100, outputs: 100 }); // z2 = h1·W2 + b2
  const h2 = await backend.relu(z2); // h2 = max(z2, 0)
  const logits = await backend.linear(h2, W3, b3, { batch: B, inputs: 100, outputs: 10 }); // logits = h2·W3 + b3

  // Loss: L = −(1/B) Σₙ log p[n, labels[n]] with p = softmax(logits).
  // Its gradient: dlogits = (p − onehot(labels)) / B.
  const { loss, dlogits } = await backend.softmaxCrossEntropy(logits, labels, { classes: 10 });

  // Third layer.
  const dW3 = await backend.matmul(h2, dlogits, { m: 100, n: 10, k: B, transposeA: true }); // dW3 = h2ᵀ·dlogits
  const db3 = await backend.linearBackwardBias(dlogits, { batch: B, outputs: 10 }); // db3 = Σₙ dlogits[n]
  const dh2 = await backend.matmul(dlogits, W3, { m: B, n: 100, k: 10, transposeB: true }); // dh2 = dlogits·W3ᵀ

  // Second layer: backward through its ReLU, then as in the third layer.
  const dz2 = await backend.reluBackward(dh2, h2); // dz2 = dh2 where h2 > 0, else 0
  const dW2 = await backend.matmul(h1, dz2, { m: 100, n: 100, k: B, transposeA: true }); // dW2 = h1ᵀ·dz2
  const db2 = await backend.linearBackwardBias(dz2, { batch: B, outputs: 100 }); // db2 = Σₙ dz2[n]
  const dh1 = await backend.matmul(dz2, W2, { m: B, n: 100, k: 100, transposeB: true }); // dh1 = dz2·W2ᵀ

  // First layer: as the second. dx is not computed, since the images are not trained.
  const dz1 = await backend.reluBackward(dh1, h1); // dz1 = dh1 where h1 > 0, else 0
  const dW1 = await backend.matmul(x, dz1, { m: 784, n: 100, k: B, transposeA: true }); // dW1 = xᵀ·dz1
  const db1 = await backend.linearBackwardBias(dz1, { batch: B, outputs: 100 }); // db1 = Σₙ dz1[n]

  return { loss, gradients: { W1: dW1, b1: db1, W2: dW2, b2: db2, W3: dW3, b3: db3 } };
}

/** Update: w ← w − learningRate · dw, for every parameter. */
export async function update(
  backend: Backend,
  parameters: Parameters,
  gradients: Parameters,
  learningRate: number,
): Promise<Parameters> {
  const sgd = (name: keyof Parameters) =>
    backend.sgd(parameters[name], gradients[name], { learningRate });
  return {
    W1: await sgd('W1'),
    b1: await sgd('b1'),
    W2: await sgd('W2'),
    b2: await sgd('b2'),
    W3: await sgd('W3'),
    b3: await sgd('b3'),
  };
}

/** Weights are uniform on [−1/√inputs, 1/√inputs), biases are zero. */
export function initialParameters(seed = 0): Parameters {
  const random = new RandomStream(seed, 0);
  const uniform = () => 2 * random.nextFloat() - 1;
  const weights = (inputs: number, outputs: number) =>
    Float32Array.from({ length: inputs * outputs }, () => uniform() / Math.sqrt(inputs));
  return {
    W1: weights(784, 100),
    b1: new Float32Array(100),
    W2: weights(100, 100),
    b2: new Float32Array(100),
    W3: weights(100, 10),
    b3: new Float32Array(10),
  };
}

async function main(): Promise<void> {
  const backend = await createBackend('auto');
  const { train } = syntheticDigits({ trainSize: 6400, testSize: 1 });
  const { mean, std } = train.normalization;
  let parameters = initialParameters();
  for (let step = 0; step < 200; step++) {
    const first = (32 * step) % train.size;
    const bytes = train.inputs.subarray(784 * first, 784 * (first + 32));
    const x = Float32Array.from(bytes, (byte) => (byte / 255 - mean) / std);
    const labels = train.targets.subarray(first, first + 32);
    const { loss, gradients } = await lossAndGradients(backend, parameters, x, labels);
    parameters = await update(backend, parameters, gradients, 0.1);
    if (step % 20 === 0) console.log(`step ${String(step).padStart(3)}   loss ${loss.toFixed(4)}`);
  }
  await backend.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
