/**
 * Weights to PyTorch and back. `weights.safetensors` holds a `state_dict` in PyTorch's names and layouts:
 *
 *   npx tsx examples/node/pytorch-weights.ts
 *
 *   # Python
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

const file = process.argv[2] ?? 'weights.safetensors';
const { train, test } = syntheticDigits({ trainSize: 2000, testSize: 500 });
const backend = await createBackend('wasm');

function newTrainer(): Trainer {
  return new Trainer(backend, {
    model: sequential(linear(784, 30), relu(), linear(30, 10)),
    loss: softmaxCrossEntropy(),
    optimizer: sgd({ learningRate: 0.1 }),
    batchSize: 64,
  });
}

const trained = newTrainer();
await trained.fit(train, { epochs: 5 });
for (const [name, { shape }] of await trained.state()) console.log(`${name} (${shape.join(', ')})`);
await trained.save(file);

const loaded = newTrainer();
await loaded.load(file);
const [before, after] = [await trained.evaluate(test), await loaded.evaluate(test)];
console.log(`accuracy ${before.accuracy}, and ${after.accuracy} after loading ${file}`);
await backend.close();
