import { reluOps } from '../../ops/relu.js';
import { expectNoMore } from '../../options.js';
import type { Layer } from '../layer.js';
import { savingOutput } from './saving-output.js';

/** y = max(x, 0), element by element. Derivation: src/ops/relu.ts. */
export function relu(...more: readonly []): Layer {
  expectNoMore('relu', '', more);
  return savingOutput('relu', reluOps.reluForward, reluOps.reluBackward);
}
