/**
 * Trains the recipe mlp on digits that the page draws itself, and shows the progress.
 *
 *   npm run build && node examples/browser/serve.mjs
 */
import {
  type BackendChoice,
  type BackendInfo,
  createBackend,
  type EpochRecord,
  type Progress,
  train,
} from 'handgrad';
import { syntheticDigits } from 'handgrad/data';

/** Number of images held out for measuring the accuracy after each epoch. */
const TEST_IMAGES = 1000;

const form = find<HTMLFormElement>('form');
const button = find<HTMLButtonElement>('button');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { backend, images, epochs } = Object.fromEntries(new FormData(form));
  clear();
  button.disabled = true;
  try {
    await run(backend as BackendChoice, Number(images), Number(epochs));
  } catch (error) {
    show('#progress', '');
    show('#failure', String(error));
  } finally {
    button.disabled = false;
  }
});

async function run(choice: BackendChoice, images: number, epochs: number): Promise<void> {
  show('#progress', 'drawing digits …');
  const data = syntheticDigits({ trainSize: images, testSize: TEST_IMAGES });
  await using backend = await createBackend(choice);
  show('#backend', describe(backend.info));
  const { evaluation } = await train('mlp', {
    backend,
    data,
    epochs,
    onProgress: (progress) => show('#progress', describeProgress(progress)),
    onEpoch: (record) => {
      // `auto` may have changed the backend, or added a note that says why it did not.
      show('#backend', describe(backend.info));
      addRow(record, images);
    },
  });
  show('#backend', describe(backend.info));
  show('#progress', `done: accuracy ${percent(evaluation.accuracy)} on ${TEST_IMAGES} test images`);
}

/** `wasm (relaxed+threads, threads: 7).`, followed by the backend's notes. */
function describe({ backend, build, threads, notes }: BackendInfo): string {
  const kind = backend === 'webgpu' ? build : `${build}, threads: ${threads}`;
  return [`${backend} (${kind}).`, ...notes].join(' ');
}

function describeProgress({ epoch, epochs, stepInEpoch, stepsPerEpoch, loss }: Progress): string {
  return `epoch ${epoch} of ${epochs}, step ${stepInEpoch} of ${stepsPerEpoch}, loss ${loss.toFixed(4)}`;
}

function addRow({ epoch, trainLoss, validAccuracy = 0, seconds }: EpochRecord, images: number) {
  const row = find<HTMLTableSectionElement>('tbody').insertRow();
  const rate = Math.round(images / seconds);
  for (const text of [epoch, trainLoss.toFixed(4), percent(validAccuracy), rate]) {
    row.insertCell().textContent = String(text);
  }
}

function clear(): void {
  for (const place of ['#backend', '#progress', '#failure', 'tbody']) show(place, '');
}

function show(selector: string, text: string): void {
  find(selector).textContent = text;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function find<Kind extends Element>(selector: string): Kind {
  const found = document.querySelector<Kind>(selector);
  if (!found) throw new Error(`expected ${selector} in the page, got none`);
  return found;
}
