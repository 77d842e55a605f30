import type { Backend } from '../src/backends/backend.js';
import { Step } from '../src/step.js';
import { persistent } from '../src/tensor.js';
import type { Contestant } from './harness.js';

/** The least time that some work can take, measured in the same run as the work. */
export interface Roof extends Contestant {
  /** Milliseconds that the roof needs for the work, from its own timing. */
  limit(milliseconds: number): number;
  release(): void;
}

const TURNS = 10_000;

/** What a loop of independent multiply-adds takes for `operations`, on n threads the n-th part. */
export function multiplyAddRoof({ device, info }: Backend, operations: number): Roof | undefined {
  const { roofs } = device;
  if (!roofs) return undefined;
  const perCall = roofs.multiplyAdds(TURNS);
  return {
    run: (times) => roofs.multiplyAdds(TURNS * times),
    limit: (milliseconds) => (milliseconds * operations) / perCall / info.threads,
    release: () => {},
  };
}

/** What a loop of independent exponentials takes for `count` of them, on n threads the n-th part. */
export function exponentialRoof({ device, info }: Backend, count: number): Roof | undefined {
  const { roofs } = device;
  if (!roofs) return undefined;
  const perCall = roofs.exponentials(TURNS);
  return {
    run: (times) => roofs.exponentials(TURNS * times),
    limit: (milliseconds) => (milliseconds * count) / perCall / info.threads,
    release: () => {},
  };
}

/**
 * What copying takes that moves as many bytes, in and out together, as the work does. It is done
 * with arrays of the work's own size, so that it meets the same caches.
 *
 * @param bytes that the work reads and writes
 * @param arraySize bytes of one of its arrays
 */
export async function copyRoof(
  { device }: Backend,
  bytes: number,
  arraySize: number,
): Promise<Roof> {
  const rows = 64;
  const columns = Math.max(1, Math.round(arraySize / 4 / rows));
  const [x, data] = [persistent('x', [rows, columns]), persistent('data', [rows, columns])];
  const [index, state] = [persistent('index', [rows], 'int32'), persistent('state', [4], 'int32')];
  const step = new Step();
  step.call('gatherReals', { x, data, index, state });
  const executable = await device.compile(step);
  device.write(
    index,
    Int32Array.from({ length: rows }, (_, n) => n),
  );
  const moved = 2 * 4 * rows * columns;
  return {
    run: (times) => executable.run(times),
    limit: (milliseconds) => (milliseconds * bytes) / moved,
    release: () => {
      executable.close();
      device.release([x, data, index, state]);
    },
  };
}
