import type { Parameter } from '../../layers/parameters/parameter.js';
import { gradientNormOps } from '../../ops/gradient-norm.js';
import type { Step } from '../../step.js';

/**
 * Appends gradient clipping by global norm, between backward and update. Formulas:
 * src/ops/gradient-norm.ts.
 *
 * @param limit the largest allowed Euclidean norm of all gradients taken together
 */
export function clipGradients(step: Step, parameters: readonly Parameter[], limit: number): void {
  const squares = step.activation('squares', [parameters.length]);
  parameters.forEach(({ gradient: dw }, slot) => {
    step.call(gradientNormOps.sumOfSquares, { squares, dw }, { attributes: { slot } });
  });
  const { factor } = step.call(gradientNormOps.clipFactor, { squares }, { attributes: { limit } });
  for (const { gradient: dw } of parameters)
    step.call(gradientNormOps.scaleGradient, { dw, factor });
}
