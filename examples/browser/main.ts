/**
 * Trains the recipe mlp in a worker, on digits that it draws itself, and shows the progress.
 *
 *   npm run build && node examples/browser/serve.mjs
 */
import type { BackendChoice, BackendInfo, EpochRecord, Progress } from 'handgrad';
import { openWorker, type WorkerLibrary } from 'handgrad/worker';

/** Number of images held out for measuring the accuracy after each epoch. */
const TEST_IMAGES = 1000;
/** Time between two announcements to screen readers, in milliseconds. */
const ANNOUNCEMENT_MILLISECONDS = 1000;

const form = find<HTMLFormElement>('form');
const stop = find<HTMLButtonElement>('#stop');

/** The worker of the page, from the first run on. */
let library: WorkerLibrary | undefined;
/** The latest run, which a new one ends first. */
let latest = { controller: new AbortController(), ended: Promise.resolve() };
let announced = -Infinity;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const { backend, images, epochs } = Object.fromEntries(new FormData(form));
  const before = latest;
  before.controller.abort();
  const controller = new AbortController();
  const run = async () => {
    await before.ended;
    clear();
    setRunning(true);
    try {
      await trainMlp(backend as BackendChoice, Number(images), Number(epochs), controller.signal);
    } catch (error) {
      show('#progress', '');
      show('#failure', String(error));
    } finally {
      setRunning(false);
    }
  };
  latest = { controller, ended: run() };
});

stop.addEventListener('click', () => latest.controller.abort());

async function trainMlp(
  choice: BackendChoice,
  images: number,
  epochs: number,
  signal: AbortSignal,
): Promise<void> {
  report('drawing digits …');
  const { createBackend, syntheticDigits, train } = await openLibrary();
  const data = await syntheticDigits({ trainSize: images, testSize: TEST_IMAGES });
  await using backend = await createBackend(choice);
  show('#backend', describe(backend.info));
  const { history, evaluation } = await train('mlp', {
    backend,
    data,
    epochs,
    signal,
    onProgress: (progress) => report(describeProgress(progress)),
    onEpoch: (record) => {
      // `auto` may have changed the backend, or added a note that says why it did not.
      show('#backend', describe(backend.info));
      addRow(record, images);
    },
  });
  show('#backend', describe(backend.info));
  const outcome = history.stoppedBy ? `stopped in epoch ${history.epochs.length + 1}` : 'done';
  report(
    `${outcome}: accuracy ${percent(evaluation.accuracy)} on ${TEST_IMAGES} test images`,
    true,
  );
}

async function openLibrary(): Promise<WorkerLibrary> {
  library ??= await openWorker();
  return library;
}

/** `wasm (relaxed, threads: 7).`, followed by the backend's notes. */
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

/** Not `disabled`, which would take the focus from the button. */
function setRunning(isRunning: boolean): void {
  stop.setAttribute('aria-disabled', String(!isRunning));
}

function clear(): void {
  for (const place of ['#backend', '#progress', '#status', '#failure', 'tbody']) show(place, '');
}

/** Shows the progress, and announces it to screen readers at most once a second. */
function report(text: string, isLast = false): void {
  show('#progress', text);
  const now = performance.now();
  if (!isLast && now - announced < ANNOUNCEMENT_MILLISECONDS) return;
  announced = now;
  show('#status', text);
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
