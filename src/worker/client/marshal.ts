import type { Handle, PlacedHandle } from '../protocol.js';
import { withoutRest } from './views.js';

/**
 * Copies arguments for a message: plain objects, lists and maps with all that is in them, without undefined
 * properties. Values that cannot travel are left out, and their handles listed with their places.
 *
 * @param handleOf the handle of a value, or undefined if it travels as it is
 */
export function marshal(
  args: unknown,
  handleOf: (value: object) => Handle | undefined,
): { readonly args: unknown; readonly handles: readonly PlacedHandle[] } {
  const handles: PlacedHandle[] = [];
  const copy = (value: unknown, path: readonly (string | number)[]): unknown => {
    if (!isReference(value)) return value;
    const handle = handleOf(value);
    if (handle !== undefined) {
      handles.push({ path, handle });
      return undefined;
    }
    if (Array.isArray(value)) return value.map((each, i) => copy(each, [...path, i]));
    if (value instanceof Map) {
      // A path cannot lead into a map: its values have no handles.
      return new Map([...value].map(([key, each]) => [key, marshal(each, () => undefined).args]));
    }
    if (!isPlain(value)) return withoutRest(value);
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, each]) => each !== undefined)
        .map(([name, each]) => [name, copy(each, [...path, name])]),
    );
  };
  return { args: copy(args, []), handles };
}

/** Whether a message copies the properties of an object, whatever its class. */
function isPlain(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** Whether a value is an object or a function. */
function isReference(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}
