/**
 * Makes a device's promises resolve as in Firefox, which looks only now and then whether the GPU has
 * finished.
 *
 * @param interval milliseconds between two looks
 * @param atSubmissions whether it also looks when something is submitted
 */
export function slowPolls(gpu: GPUDevice, interval: number, atSubmissions = false): void {
  const { queue } = gpu;
  Object.defineProperty(gpu, 'queue', { value: queue });
  let waiting: (() => void)[] = [];
  const look = () => {
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  const atNextLook = async <Result>(promise: Promise<Result>): Promise<Result> => {
    const result = await promise;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      // Timers may fire a fraction of a millisecond early.
      setTimeout(resolve, interval - (performance.now() % interval) + 1);
    });
    return result;
  };
  const workDone = queue.onSubmittedWorkDone.bind(queue);
  queue.onSubmittedWorkDone = () => atNextLook(workDone());
  const createBuffer = gpu.createBuffer.bind(gpu);
  gpu.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const map = buffer.mapAsync.bind(buffer);
    buffer.mapAsync = (...range) => atNextLook(map(...range));
    return buffer;
  };
  const submit = queue.submit.bind(queue);
  queue.submit = (commands) => {
    submit(commands);
    if (atSubmissions) look();
  };
}
