import type { RecipeName } from '../../recipes.js';
import type { State } from '../../training/trained-model.js';

/** The curve that a recipe on points has fitted. */
export interface Coefficients {
  /** `y = 2.001x + 1.019`. */
  readonly formula: string;
  readonly values: Readonly<Record<string, number>>;
}

/** The curve of a linear model of (x) or (t², t); undefined for all other recipes. */
export function coefficientsOf(recipe: RecipeName, state: State): Coefficients | undefined {
  const [slope = Number.NaN, second = Number.NaN] = state.get('0.weight')?.data ?? [];
  const [constant = Number.NaN] = state.get('0.bias')?.data ?? [];
  switch (recipe) {
    case 'line':
      return {
        formula: `y = ${slope.toFixed(3)}x ${signed(constant)}`,
        values: { m: slope, b: constant },
      };
    case 'parabola':
      return {
        formula: `y = ${slope.toFixed(3)}t² ${signed(second)}t ${signed(constant)}`,
        values: { a: slope, b: second, c: constant },
      };
    default:
      return undefined;
  }
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'} ${Math.abs(value).toFixed(3)}`;
}
