/** Valid arguments of each type, from which misuses are derived. */

import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small dataset of two classes. */
function dataset() {
  return {
    name: 'points',
    size: 4,
    features: 2,
    inputs: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    targets: Int32Array.of(0, 1, 0, 1),
    classes: 2,
    normalization: { mean: 0, std: 1 },
  };
}

function digits() {
  const pixels = Uint8Array.from({ length: 2 * 784 }, (_, i) => i % 251);
  const images = { count: 2, height: 28, width: 28, pixels };
  return { images, labels: Uint8Array.of(3, 7), imagesFile: 'images', labelsFile: 'labels' };
}

/** An IDX file of one dimension or three, with extents of 1. */
function idx(dimensions) {
  const bytes = [0, 0, 8, dimensions];
  for (let i = 0; i < dimensions; i++) bytes.push(0, 0, 0, 1);
  return Uint8Array.from([...bytes, 5]);
}

const CSV = `3,${Array(784).fill(1).join(',')}\n`;

/**
 * Functions that make a valid value: by `function.parameter`, by the name of an option, or by type.
 *
 * @param library the exports of both entries
 * @param backend on which calls run
 */
export async function validValues(library, backend) {
  const { Trainer, Tensor, RandomStream, RECIPES, RECIPE_NAMES, linear, sgd } = library;
  const path = join(tmpdir(), `misuse-${process.pid}.safetensors`);
  const trainer = () =>
    new Trainer(backend, {
      model: linear(2, 2),
      loss: library.softmaxCrossEntropy(),
      optimizer: sgd({ learningRate: 0.1 }),
      batchSize: 2,
      normalization: { mean: 0, std: 1 },
    });
  const trained = trainer();
  const state = await trained.state();
  const bytes = await trained.encode();
  const checkpoint = await trained.checkpoint();
  await trained.save(path);
  const tensor = () => new Tensor('x', [1], 'activation');
  return {
    trainer,
    values: {
      'optimizerFrom.description': () => sgd({ learningRate: 0.1 }).description,
      'lossFrom.description': () => library.mnistLoss().description,
      'scheduleFrom.description': () => library.constant(0.1).description,
      'Backend.call.op': () => 'reluForward',
      'Backend.call.operands': () => ({ x: { shape: [1], data: [1] } }),
      'Backend.call.[options]': () => ({}),
      'Backend.softmaxCrossEntropy.labels': () => [0],
      'Backend.binaryCrossEntropy.labels': () => [0],
      'Backend.mnistLoss.labels': () => [0],
      'Step.call.op': () => 'reluForward',
      'Step.call.tensors': () => ({ x: tensor() }),
      'Step.call.[options]': () => ({}),
      'Step.constructor.training': () => ({ seed: 0, state: tensor(), updatesStatistics: true }),
      'Parameter.toPytorch.values': () => [1],
      'Trainer.predict.inputs': () => Float32Array.of(1, 2),
      'Trainer.gradients.inputs': () => Float32Array.of(1, 2),
      'Trainer.gradients.targets': () => [0],
      'Trainer.decode.bytes': () => bytes,
      'decodeSafetensors.content': () => bytes,
      'parseIdxImages.content': () => idx(3),
      'parseIdxLabels.content': () => idx(1),
      'gunzip.content': () => idx(1),
      'parseCsvDigits.content': () => new TextEncoder().encode(CSV),
      'recipeOn.recipe': () => RECIPES.mlp,
      'train.name': () => RECIPE_NAMES[0],
      'createBackend.choice': () => 'reference',
      'loadMnist.options': () => ({ directory: '/nonexistent' }),
      data: () => ({ train: dataset(), test: dataset() }),
      learningRate: () => 0.1,
      momentum: () => 0.5,
      validationSplit: () => 0.5,
      startFraction: () => 0.5,
      fraction: () => 0.5,
      p: () => 0.5,
      rate: () => 0.5,
      minimum: () => 0.1,
      path: () => path,
      'createBackend.options.build': () => 'simd',
      digits: () => [3, 7],
      classes: () => 1,
      positive: () => 1,
      'selectClasses.classes': () => [0, 1],
      'resnet18.classes': () => 10,
      threads: () => 1,
      betas: () => [0.9, 0.99],
      kernel: () => 1,
      padding: () => 0,
      epochs: () => 1,
      pytorchAxes: () => [0],
      Layer: () => linear(2, 2),
      'readonly Layer[]': () => linear(2, 2),
      Loss: () => library.softmaxCrossEntropy(),
      Optimizer: () => sgd({ learningRate: 0.1 }),
      'number | Schedule': () => 0.1,
      Schedule: () => library.constant(0.1),
      Initializer: () => library.zeros(),
      Backend: () => backend,
      Runtime: () => backend.runtime,
      Recipe: () => RECIPES.mlp,
      RandomStream: () => new RandomStream(0, 0),
      Tensor: tensor,
      Dataset: dataset,
      Description: () => library.relu().description,
      Checkpoint: () => checkpoint,
      LabelledImages: digits,
      Picture: () => ({ width: 2, height: 1, data: Uint8Array.of(0, 255) }),
      'ReadonlyMap<string, TensorData>': () => state,
      'ReadonlyMap<string, { shape: Shape; data: ArrayLike<number>; }>': () => state,
      'Readonly<Record<string, string>>': () => ({ a: 'b' }),
      PlatformSignal: () => new AbortController().signal,
      Checksums: () => ({}),
      Pixels: () => 1,
      Shape: () => [1],
      number: () => 1,
      boolean: () => true,
      string: () => 'x',
      Storage: () => 'activation',
      DataType: () => 'float32',
      Uint8Array: () => Uint8Array.of(1, 2, 3),
      FileBytes: () => Uint8Array.of(1, 2, 3),
      'string | PlatformUrl': () => path,
      'string | PlatformUrl | FileHandle': () => path,
      PlatformFetch: () => fetch,
      'ArrayLike<number>': () => [1],
      'readonly number[]': () => [1],
      'readonly string[]': () => [],
    },
  };
}
