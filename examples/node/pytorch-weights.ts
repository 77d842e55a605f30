/**
 * Weights to PyTorch and back: the file holds a `state_dict` in PyTorch's names and layouts.
 *
 *   npm run build
 *   npx tsx examples/node/pytorch-weights.ts write weights.safetensors    # trains, and saves
 *   npx tsx examples/node/pytorch-weights.ts read weights.safetensors     # loads, and evaluates
 *
 * In Python, with the packages torch and safetensors:
 *
 *   import torch
 *   from safetensors.torch import load_file, save_file
 *   model = torch.nn.Sequential(torch.nn.Linear(784, 30), torch.nn.ReLU(), torch.nn.Linear(30, 10))
 *   model.load_state_dict(load_file('weights.safetensors'))
 *   save_file(model.state_dict(), 'weights.safetensors')
 */
import {
  createBackend,
  linear,
  relu,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
} from 'handgrad';
import { syntheticDigits } from 'handgrad/data';

const [task, file] = process.argv.slice(2);
if (file === undefined || (task !== 'write' && task !== 'read')) {
  console.error(
    'expected write or read, and a file: npx tsx examples/node/pytorch-weights.ts write FILE',
  );
  process.exit(2);
}

const { train, test } = syntheticDigits({ trainSize: 2000, testSize: 500 });
const backend = await createBackend('wasm');
const trainer = new Trainer(backend, {
  model: sequential(linear(784, 30), relu(), linear(30, 10)),
  loss: softmaxCrossEntropy(),
  optimizer: sgd({ learningRate: 0.1 }),
  batchSize: 64,
});

if (task === 'write') {
  await trainer.fit(train, { epochs: 5 });
  await trainer.save(file);
} else {
  await trainer.load(file);
}
for (const [name, { shape }] of await trainer.state()) console.log(`${name} (${shape.join(', ')})`);
const { accuracy } = await trainer.evaluate(test);
console.log(`accuracy ${accuracy}`);
await backend.close();
