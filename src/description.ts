import { DataError, shown } from './errors.js';
import { didYouMean, expectOptions, hasOwn, isObject } from './options.js';

/** A value that JSON can hold. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/**
 * A function call as plain data. Layers, losses, optimizers, schedules and initializers carry the call
 * that made them. It survives JSON, and `layerFrom`, `lossFrom`, `optimizerFrom` and `scheduleFrom`
 * make the call again.
 *
 * @example
 * maxPool2d(3, { stride: 2 }).description
 * // { name: 'maxPool2d', options: { kernel: 3, stride: 2 } }
 */
export type Description = {
  /** The name of the function. */
  readonly name: string;
  /** All arguments, by name, without those that were left out. */
  readonly options: { readonly [name: string]: Plain };
};

/** A description without the options that are undefined. */
export function describe(
  name: string,
  options: { readonly [name: string]: Plain | undefined } = {},
): Description {
  const given = Object.entries(options).filter((entry): entry is [string, Plain] => {
    return entry[1] !== undefined;
  });
  return { name, options: Object.fromEntries(given) };
}

/** Names of the positional arguments, by function, in order; `...` marks a rest parameter. */
const POSITIONAL: Readonly<Record<string, readonly string[]>> = {
  averagePool2d: ['kernel'],
  batchNorm2d: ['channels'],
  constant: ['rate'],
  conv2d: ['inputs', 'outputs', 'kernel'],
  dropout: ['p'],
  embedding: ['count', 'features'],
  groupNorm: ['groups', 'channels'],
  layerNorm: ['features'],
  linear: ['inputs', 'outputs'],
  maxPool2d: ['kernel'],
  onImages: ['image', 'model'],
  residual: ['body', 'shortcut'],
  sequential: ['...layers'],
  warmup: ['steps', 'schedule'],
};

/**
 * The source text of the call that a description records.
 *
 * @example formatDescription(model.description) // 'sequential(linear(784, 30), relu(), linear(30, 10))'
 */
export function formatDescription(description: Description): string {
  if (!isDescription(description)) {
    throw new TypeError(`formatDescription: expected { name, options }, got ${shown(description)}`);
  }
  const { name, options } = description;
  const positional = POSITIONAL[name] ?? [];
  const named = { ...options };
  const args = positional.flatMap((argument) => {
    const key = argument.replace('...', '');
    const value = named[key];
    delete named[key];
    if (value === undefined) return [];
    return argument !== key && Array.isArray(value) ? value.map(format) : [format(value)];
  });
  if (Object.keys(named).length > 0) args.push(format(named));
  return `${name}(${args.join(', ')})`;
}

function format(value: Plain): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(format).join(', ')}]`;
  if (isDescription(value)) return formatDescription(value);
  return `{ ${Object.entries(value)
    .map(([name, option]) => `${name}: ${format(option)}`)
    .join(', ')} }`;
}

function isDescription(value: unknown): value is Description {
  return isObject(value) && typeof value.name === 'string' && isObject(value.options);
}

/** Functions by name; each takes the options of a description. */
export type Builders<Made> = Readonly<Record<string, (options: Description['options']) => Made>>;

/** A builder for a function that takes no options. */
export function withoutOptions<Made>(name: string, make: () => Made): Builders<Made>[string] {
  return (options) => {
    expectOptions(name, options, {});
    return make();
  };
}

/** The functions of programs that make layers, losses, optimizers and schedules, by name. */
const added = new Map<string, Builders<unknown>[string]>();

/** Adds functions that take the options of a description with their name; those of the library come first. */
export function addBuilders(functions: Readonly<Record<string, unknown>>): void {
  for (const [name, build] of Object.entries(functions)) {
    if (typeof build === 'function') added.set(name, build as Builders<unknown>[string]);
  }
}

/**
 * Makes the call that a description records.
 *
 * @param kind what the builders make, for messages: `layer`
 * @param description untrusted, since it may come from a file
 * @throws DataError for a name that is not in `builders`, or a value that is not a description; any
 *   error of the function that is called
 */
export function buildFrom<Made>(
  kind: string,
  builders: Builders<Made>,
  description: Plain | undefined,
): Made {
  if (!isDescription(description)) {
    throw new DataError(
      `description: expected ${kind} to be { name, options }, got ${shown(description)}`,
    );
  }
  const { name, options } = description;
  const build = hasOwn(builders, name) ? builders[name] : added.get(name);
  if (build) return build(options) as Made;
  throw new DataError(
    `description: expected ${kind} to be one of ${Object.keys(builders).join(', ')}, got ${name}${didYouMean(name, Object.keys(builders)) || '; your own functions cannot be rebuilt'}`,
  );
}
