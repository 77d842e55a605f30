import { type Contender, identify, labelOf } from '../../../bench/contender.js';
import type { BenchReport } from '../../../bench/result.js';

/** What a reader has to know of the figures, a sentence each. */
export function notesOn(
  contenders: readonly Contender[],
  { results, crossovers }: Pick<BenchReport, 'results' | 'crossovers'>,
): string[] {
  const gpus = contenders.filter(({ backend }) => backend.info.backend === 'webgpu');
  const timed = results.filter(({ op }) => op !== 'overhead');
  const notes = gpus.flatMap(({ backend }) => backend.info.notes);
  if (timed.some(({ kernelMs }) => kernelMs !== undefined)) {
    notes.push(
      'Kernels: their time alone, by the GPU’s clock. It may be rounded to 0.1 ms, so it is taken over about 20 ms of work.',
    );
  }
  for (const gpu of gpus) {
    const label = labelOf(identify(gpu));
    const own = timed.filter((result) => labelOf(result) === label);
    if (own.some(({ kernelMs }) => kernelMs === undefined)) {
      notes.push(`${label} has no timestamp queries: the time of its kernels alone is unknown.`);
    }
  }
  if (timed.some(({ backend }) => backend === 'webgpu')) {
    notes.push(
      'Cold: the first run, or everything up to the first loss, on a backend just opened; a driver may have kept what it compiled before.',
    );
  }
  if (results.some(({ op }) => op === 'overhead')) {
    notes.push(
      'Overhead: encoding and submitting training steps, on the thread that does it, over the kernels in them; what the GPU does meanwhile does not count.',
    );
  }
  if (crossovers.length > 0) {
    notes.push('Crossover: warm, with operands and dataset on the backend already.');
  }
  return [...new Set(notes)];
}
