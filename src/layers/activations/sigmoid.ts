import { sigmoidOps } from '../../ops/sigmoid.js';
import { expectNoMore } from '../../options.js';
import type { Layer } from '../layer.js';
import { savingOutput } from './saving-output.js';

/** y = 1 / (1 + e⁻ˣ), element by element. Derivation: src/ops/sigmoid.ts. */
export function sigmoid(...more: readonly []): Layer {
  expectNoMore('sigmoid', '', more);
  return savingOutput('sigmoid', sigmoidOps.sigmoidForward, sigmoidOps.sigmoidBackward);
}
