/** Checks of options from programs without type checking, which may name or type them wrongly. */

import { shown } from './errors.js';

/** The type of an option: one of these names, or a list of all its values. `any` is checked elsewhere. */
export type Kind =
  | 'any'
  | 'array'
  | 'boolean'
  | 'function'
  | 'integer'
  | 'number'
  | 'object'
  | 'signal'
  | 'string'
  | 'strings'
  | readonly unknown[];

/** The type of each option, by name. TypeScript checks that no option of the interface is missing. */
export type Kinds<Options> = Readonly<Record<keyof Options, Kind>>;

/**
 * Checks the names and types of options. Options that are undefined count as left out.
 *
 * @param operation the name that errors begin with
 * @param kinds all options of the function
 * @param what the name of the argument, for errors
 * @throws TypeError for an unknown name, a value of another type, or options that are not an object
 * @example expectOptions('leakyRelu', options, { negativeSlope: 'number' });
 */
export function expectOptions<Options extends object>(
  operation: string,
  options: Options,
  kinds: Kinds<Options>,
  what = 'the options',
): void {
  const names = Object.keys(kinds);
  const expected = names.length > 0 ? `${what} ${names.join(', ')}` : 'no options';
  if (!isObject(options)) {
    const hint = hintFor(options, kinds);
    throw new TypeError(
      `${operation}: expected ${expected} as an object, got ${shown(options)}${hint}`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!hasOwn(kinds, name)) {
      throw new TypeError(
        `${operation}: expected ${expected}, got ${name}${didYouMean(name, names)}`,
      );
    }
    expectKind(operation, name, value, kinds[name as keyof Options]);
  }
}

/** `; pass { negativeSlope: 0.2 }`, for a value that may have been meant for the first option. */
function hintFor(value: unknown, kinds: Readonly<Record<string, Kind>>): string {
  const [first] = Object.entries(kinds);
  const isValue = typeof value === 'number' || typeof value === 'string';
  if (!first || !isValue || !isOfKind(value, first[1])) return '';
  return `; pass { ${first[0]}: ${shown(value)} }`;
}

/** @throws TypeError unless `value` is of this kind */
export function expectKind(operation: string, name: string, value: unknown, kind: Kind): void {
  if (isOfKind(value, kind)) return;
  const hint = kind === 'signal' && value instanceof AbortController ? '; pass its signal' : '';
  throw new TypeError(
    `${operation}: expected ${name} to be ${nameOf(kind)}, got ${shown(value)}${hint}`,
  );
}

/** @throws TypeError for arguments beyond those that the function takes */
export function expectNoMore(operation: string, after: string, more: readonly unknown[]): void {
  if (more.length === 0) return;
  throw new TypeError(`${operation}: expected no arguments${after}, got ${shown(more[0])}`);
}

/**
 * Checks a layer, a loss, or another object that a function of this library makes.
 *
 * @param method a method that each has
 * @param kind what it is, with an example: `a loss such as softmaxCrossEntropy()`
 * @throws TypeError for anything else, such as a function that was not called
 */
export function expectMade(
  operation: string,
  name: string,
  value: unknown,
  method: string,
  kind: string,
): void {
  if (isObject(value) && typeof value[method] === 'function') return;
  const hint = typeof value === 'function' ? '; call it' : '';
  throw new TypeError(`${operation}: expected ${name} to be ${kind}, got ${shown(value)}${hint}`);
}

/** `; did you mean learningRate?`, or nothing where no name is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  let nearest = '';
  let highest = 0.6;
  for (const each of known) {
    const likeness = likenessOf(name, each);
    if (likeness <= highest) continue;
    highest = likeness;
    nearest = each;
  }
  return nearest && `; did you mean ${nearest}?`;
}

/** `Object.hasOwn`, which Chrome has since version 93. */
export function hasOwn(object: object, name: PropertyKey): boolean {
  return Object.getOwnPropertyDescriptor(object, name) !== undefined;
}

/** Whether a value is an object, but neither an array nor a promise. */
export function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return typeof (value as Record<string, unknown>).then !== 'function';
}

function isOfKind(value: unknown, kind: Kind): boolean {
  if (typeof kind !== 'string') return kind.includes(value);
  switch (kind) {
    case 'any':
      return true;
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'object':
      return isObject(value);
    case 'strings':
      return Array.isArray(value) && value.every((each) => typeof each === 'string');
    case 'signal':
      return isObject(value) && typeof value.aborted === 'boolean';
    default:
      return typeof value === kind;
  }
}

function nameOf(kind: Kind): string {
  if (typeof kind !== 'string') return kind.map(shown).join(' or ');
  if (kind === 'strings') return 'an array of strings';
  if (kind === 'signal') return 'an AbortSignal';
  return `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

/** Likeness of two names, from 0 to 1: `lr` and `learning_rate` are both like `learningRate`. */
function likenessOf(name: string, known: string): number {
  const [a, b] = [name, known].map((each) => each.replace(/[-_ ]/g, '').toLowerCase());
  const initials = known.replace(/(?!^)[a-z0-9]/g, '').toLowerCase();
  if (a === b || (a === initials && a.length > 1)) return 1;
  if (Math.min(a.length, b.length) >= 3 && (a.includes(b) || b.includes(a))) return 0.9;
  return (2 * commonLength(a, b)) / (a.length + b.length);
}

/** Length of the longest common subsequence. */
function commonLength(a: string, b: string): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const letter of a) {
    const next = [0];
    for (let j = 0; j < b.length; j++) {
      next.push(letter === b[j] ? row[j] + 1 : Math.max(row[j + 1], next[j]));
    }
    row = next;
  }
  return row[b.length];
}
