import { expectArray, expectFinite } from '../../checks.js';
import { listed, ShapeError } from '../../errors.js';
import type { Layer } from '../../layers/layer.js';
import type { LayerBuffer, Parameter } from '../../layers/parameters/parameter.js';
import { expectMade } from '../../options.js';
import { formatShape, type Shape, sameShape, sizeOf } from '../../tensor.js';

/** Parameters and buffers in the order of a PyTorch `state_dict`: block by block, buffers last. */
export function stateTensors({ parameters, buffers = [] }: Layer): (Parameter | LayerBuffer)[] {
  const blocks = new Map<string, (Parameter | LayerBuffer)[]>();
  for (const each of [...parameters, ...buffers]) {
    const block = blockOf(each.name);
    blocks.set(block, [...(blocks.get(block) ?? []), each]);
  }
  return [...blocks.values()].flat();
}

/** The part of a name up to the last dot: `4.0.` of `4.0.weight`. */
function blockOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.') + 1);
}

/**
 * A state without what is no weight: integers that the model does not have, and `num_batches_tracked`,
 * PyTorch's batch counters beside running statistics.
 *
 * @param expected the names that the model has
 */
export function onlyWeights<Entry extends object>(
  operation: string,
  state: ReadonlyMap<string, Entry & { readonly integers?: true }>,
  expected: readonly Expected[],
): Map<string, Entry> {
  expectMade(operation, 'the state', state, 'entries', 'a Map by name');
  const names = new Set(expected.map(({ name }) => name));
  const isCounter = (name: string) =>
    name.endsWith('num_batches_tracked') && state.has(`${blockOf(name)}running_mean`);
  return new Map(
    [...state].filter(([name, entry]) => !isCounter(name) && (names.has(name) || !entry?.integers)),
  );
}

/** Up to so many names, a message lists all of them; otherwise those that differ. */
const FEW_NAMES = 12;

interface Expected {
  readonly name: string;
  readonly shape: Shape;
}

/**
 * Checks that `state` has exactly the expected tensors.
 *
 * @returns the values by name
 * @throws ShapeError for names that are missing or unknown, and for shapes that differ
 * @throws DataError for numbers that are not finite
 */
export function checkState(
  operation: string,
  expected: readonly Expected[],
  state: ReadonlyMap<string, { readonly shape: Shape; readonly data: ArrayLike<number> }>,
): Map<string, ArrayLike<number>> {
  expectMade(operation, 'the tensors', state, 'entries', 'a Map by name');
  const names = expected.map(({ name }) => name);
  const unknown = [...state.keys()].filter((name) => !names.includes(name));
  const missing = names.filter((name) => !state.has(name));
  if (unknown.length > 0 || missing.length > 0) {
    const got = [...state.keys()];
    const isShort = Math.max(names.length, got.length) <= FEW_NAMES;
    throw new ShapeError(
      isShort
        ? `${operation}: expected tensors ${listed(names)}, got ${listed(got)}`
        : `${operation}: expected the ${names.length} tensors of the model, got ${got.length}; missing are ${listed(missing)}, unknown are ${listed(unknown)}`,
    );
  }
  const checked = new Map<string, ArrayLike<number>>();
  for (const { name, shape } of expected) {
    const entry = state.get(name);
    if (!Array.isArray(entry?.shape) || !sameShape(entry.shape, shape)) {
      throw new ShapeError(
        `${operation}: expected ${name} of shape ${formatShape(shape)}, got ${formatShape(entry?.shape ?? [])}`,
      );
    }
    expectArray(operation, name, entry.data);
    if (entry.data.length !== sizeOf(shape)) {
      throw new ShapeError(
        `${operation}: expected ${name} to have ${sizeOf(shape)} numbers, got ${entry.data.length}`,
      );
    }
    checked.set(name, expectFinite(operation, name, entry.data));
  }
  return checked;
}
