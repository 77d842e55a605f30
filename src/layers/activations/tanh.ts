import { tanhOps } from '../../ops/tanh.js';
import { expectNoMore } from '../../options.js';
import type { Layer } from '../layer.js';
import { savingOutput } from './saving-output.js';

/** y = tanh x, element by element. Derivation: src/ops/tanh.ts. */
export function tanh(...more: readonly []): Layer {
  expectNoMore('tanh', '', more);
  return savingOutput('tanh', tanhOps.tanhForward, tanhOps.tanhBackward);
}
