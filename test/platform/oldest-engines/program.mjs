/* Trains with the built package on one backend, and makes an error that has a cause. */

const {
  Trainer,
  createBackend,
  dropout,
  gelu,
  linear,
  sequential,
  adam,
  cosine,
  softmaxCrossEntropy,
} = await import('../../../dist/index.js');
const { syntheticDigits } = await import('../../../dist/data.js');

const [name, threads] = process.argv.slice(2);
const { train, test } = syntheticDigits({ trainSize: 512, testSize: 128 });
const backend = await createBackend(name, threads ? { threads: Number(threads) } : {});
const trainer = new Trainer(backend, {
  model: sequential(linear(784, 30), gelu(), dropout(0.1), linear(30, 10)),
  loss: softmaxCrossEntropy(),
  optimizer: adam({ learningRate: cosine({ rate: 0.01 }) }),
  batchSize: 64,
});
const { epochs } = await trainer.fit(train, { epochs: 5, validation: test, onProgress: () => {} });
const probabilities = await trainer.predict(test.inputs.subarray(0, 784));
await trainer.restore(await trainer.checkpoint());
await trainer.decode(await trainer.encode());
const misfit = new Trainer(backend, {
  model: sequential(linear(784, 30), linear(31, 10)),
  loss: softmaxCrossEntropy(),
  optimizer: adam({ learningRate: 0.01 }),
  batchSize: 64,
});
const error = await misfit.fit(train, { epochs: 1 }).catch((thrown) => thrown);
await backend.close();
const result = {
  accuracy: epochs[4].validAccuracy,
  outputs: probabilities.length,
  threads: backend.info.threads,
  error: error.message,
  cause: error.cause?.constructor.name,
};
console.log(JSON.stringify(result));
