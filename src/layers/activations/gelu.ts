import { describe } from '../../description.js';
import { geluOps } from '../../ops/gelu.js';
import { expectNoMore } from '../../options.js';
import type { Layer } from '../layer.js';

/**
 * y = x Φ(x), element by element, where Φ is the distribution function of the standard normal.
 * Derivation: src/ops/gelu.ts.
 */
export function gelu(...more: readonly []): Layer {
  expectNoMore('gelu', '', more);
  return {
    description: describe('gelu'),
    input: 'any',
    parameters: [],
    forward(step, x) {
      const { y } = step.call(geluOps.geluForward, { x });
      return { y, backward: (dy) => step.call(geluOps.geluBackward, { dy, x }).dx };
    },
  };
}
