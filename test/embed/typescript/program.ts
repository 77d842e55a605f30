/* Uses the public API as programs do. Compiled by many versions of TypeScript, never run. */
import {
  adamW,
  BackendError,
  type BackendOptions,
  batchNorm2d,
  conv2d,
  cosine,
  createBackend,
  type Dataset,
  decodeSafetensors,
  encodeSafetensors,
  type FitOptions,
  flatten,
  type History,
  kaimingUniform,
  type Layer,
  linear,
  maxPool2d,
  onImages,
  type Progress,
  type Recipe,
  relu,
  type Schedule,
  type State,
  sequential,
  sgd,
  softmaxCrossEntropy,
  Trainer,
  type TrainerOptions,
  train,
} from 'handgrad';
import {
  type DownloadProgress,
  type FileBytes,
  gunzip,
  type LoadMnistOptions,
  loadMnist,
  parseCsvDigits,
  split,
  syntheticDigits,
  touch,
} from 'handgrad/data';
import { createBackend as createInlineBackend } from 'handgrad/inline';
import { leakyReluOps, reluOps } from 'handgrad/ops';
import { openWorker, type WorkerTrainer } from 'handgrad/worker';

/** A layer of one's own. */
export const leaky: Layer = {
  description: { name: 'leaky', options: {} },
  input: 'any',
  parameters: [],
  forward(step, x) {
    const attributes = { negativeSlope: 0.1 };
    const { y } = step.call(leakyReluOps.leakyReluForward, { x }, { attributes });
    // @ts-expect-error: attributes are missing
    const unfinished = () => step.call(leakyReluOps.leakyReluForward, { x });
    // @ts-expect-error: relu reads no dy
    const mistaken = () => step.call(reluOps.reluForward, { x, dy: x });
    void [unfinished, mistaken];
    return {
      y,
      backward: (dy) => step.call(leakyReluOps.leakyReluBackward, { dy, y }, { attributes }).dx,
    };
  },
};

interface Settings {
  readonly threads?: number | undefined;
  readonly build?: 'relaxed' | 'simd' | undefined;
  readonly adapter?: string | undefined;
  readonly batchSize: number;
  readonly seed?: number | undefined;
  readonly signal?: FitOptions['signal'];
  readonly validation?: Dataset | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export async function fitAndSave(data: Dataset, settings: Settings): Promise<FileBytes> {
  const { threads, build, adapter, batchSize, seed, signal, validation, onProgress } = settings;
  const options: BackendOptions = { threads, build, adapter, precision: undefined };
  await using backend = await createBackend('auto', options);
  const rate: Schedule = cosine({ rate: 0.01, minimum: undefined });
  const trainerOptions: TrainerOptions = {
    model: onImages(
      { channels: 1, height: 28, width: 28 },
      sequential(
        conv2d(1, 8, 3, { padding: 1, stride: undefined, initializer: kaimingUniform() }),
        batchNorm2d(8, { momentum: undefined }),
        relu(),
        maxPool2d(2),
        flatten(),
        linear(8 * 14 * 14, 10, { initializer: undefined }),
      ),
    ),
    loss: softmaxCrossEntropy(),
    optimizer: adamW({ learningRate: rate, weightDecay: undefined }),
    batchSize,
    seed,
    clipNorm: undefined,
  };
  await using trainer = new Trainer(backend, trainerOptions);
  const history: History = await trainer.fit(data, {
    epochs: 2,
    validation,
    validationSplit: undefined,
    signal,
    onProgress,
    onEpoch: ({ epoch, validAccuracy }) => epoch < 9 && (validAccuracy ?? 0) < 0.99,
  });
  const state: State = await trainer.state();
  await trainer.loadState(state);
  const { loss, gradients } = await trainer.gradients(data.inputs, data.targets);
  const probabilities = await trainer.predict(data.inputs.subarray(0, 784));
  const { confusion } = await trainer.evaluate(data, { confusion: true });
  const counts: Int32Array = confusion;
  const checkpoint = await trainer.checkpoint();
  const { tensors } = decodeSafetensors(encodeSafetensors(checkpoint.tensors, checkpoint.metadata));
  await trainer.restore(checkpoint);
  await trainer.load('weights.safetensors');
  await trainer.save('weights.safetensors');
  const bytes = await trainer.encode();
  await trainer.decode(bytes);
  const numbers: number[] = [loss, gradients.size, probabilities.length, counts.length];
  const product = await backend.matmul([1], [2], { m: 1, n: 1, k: 1 });
  numbers.push(history.epochs.length, tensors.size, product[0] ?? 0, backend.info.notes.length);
  if (!numbers.every(Number.isFinite)) throw new BackendError('infinite');
  return bytes;
}

export async function dataOf(settings: LoadMnistOptions): Promise<readonly Dataset[]> {
  let share = 0;
  const onProgress = ({ received, total = Infinity }: DownloadProgress) => {
    share = Math.max(share, received / total);
  };
  const mnist = await loadMnist({ ...settings, directory: undefined, onProgress });
  const { train: digits } = syntheticDigits({ trainSize: 100, seed: undefined });
  touch(digits);
  const [first, second] = split(mnist.train, 0.1, 0);
  const bytes: FileBytes = await gunzip(new Uint8Array(4), 'digits.csv.gz');
  const csv = await parseCsvDigits(bytes, 'digits.csv');
  return [first, second, { ...digits, imageShape: undefined, size: csv.labels.length }];
}

export async function trainRecipe(signal: FitOptions['signal']): Promise<WorkerTrainer> {
  const local = await createInlineBackend('wasm', { threads: 1 });
  const { evaluation } = await train('mlp', { backend: local, signal, epochs: undefined });
  await using library = await openWorker({ modules: ['./layers.js'] });
  const backend = await library.createBackend('wasm');
  const optimizer = sgd({ learningRate: 0.1, weightDecay: undefined });
  const [model, loss] = [sequential(linear(784, 10)), softmaxCrossEntropy()];
  const trainer = new library.Trainer(backend, { model, loss, optimizer, batchSize: 64 });
  if (evaluation.loss > 1) throw new BackendError('stopped', { cause: evaluation });
  return trainer;
}

export type Model = ReturnType<Recipe['model']>;
