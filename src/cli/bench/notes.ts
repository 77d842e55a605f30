import { type Candidate, identify, labelOf } from '../../bench/candidate.js';
import type { BenchReport } from '../../bench/report.js';

/** Sentences on how to read the figures. */
export function notesOn(
  candidates: readonly Candidate[],
  { results, crossovers }: Pick<BenchReport, 'results' | 'crossovers'>,
): string[] {
  const gpus = candidates.filter(({ backend }) => backend.info.backend === 'webgpu');
  const timed = results.filter(({ op }) => op !== 'overhead');
  const notes = gpus.flatMap(({ backend }) => backend.info.notes);
  if (timed.some(({ kernelMs }) => kernelMs !== undefined)) {
    notes.push(
      'Kernels: time of the GPU kernels alone, by the GPU’s timestamps. Timestamps may be rounded to 0.1 ms, so a sample is about 20 ms long.',
    );
  }
  for (const gpu of gpus) {
    const label = labelOf(identify(gpu));
    const own = timed.filter((result) => labelOf(result) === label);
    if (own.some(({ kernelMs }) => kernelMs === undefined)) {
      notes.push(`${label} has no timestamp queries, so the time of its kernels alone is unknown.`);
    }
  }
  if (timed.some(({ backend }) => backend === 'webgpu')) {
    notes.push(
      'Cold: the first run, or everything up to the first loss, on a newly opened backend. The driver may have cached compiled shaders from earlier runs.',
    );
  }
  if (results.some(({ op }) => op === 'overhead')) {
    notes.push(
      'Overhead: CPU time of encoding and submitting training steps, divided by the kernels in them. The GPU’s execution time does not count.',
    );
  }
  if (crossovers.length > 0) {
    notes.push('Crossover: warm, with operands and dataset already on the backend.');
  }
  return [...new Set(notes)];
}
