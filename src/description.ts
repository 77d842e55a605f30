/** A value that survives JSON. */
export type Plain =
  | null
  | boolean
  | number
  | string
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/**
 * What something was made by: the name of the function, and its arguments by name. Layers, losses,
 * optimizers, schedules and initializers carry one; those of this library can be rebuilt from it.
 */
export type Description = {
  readonly name: string;
  readonly options: { readonly [name: string]: Plain };
};

/** Options given by the caller, without those that are undefined. */
export function describe(
  name: string,
  options: { readonly [name: string]: Plain | undefined } = {},
): Description {
  const given = Object.entries(options).filter((entry): entry is [string, Plain] => {
    return entry[1] !== undefined;
  });
  return { name, options: Object.fromEntries(given) };
}

/** Arguments that come before the options object, by function; `...` spreads a list. */
const POSITIONAL: Readonly<Record<string, readonly string[]>> = {
  averagePool2d: ['kernel'],
  batchNorm2d: ['channels'],
  constant: ['rate'],
  conv2d: ['inputs', 'outputs', 'kernel'],
  dropout: ['p'],
  linear: ['inputs', 'outputs'],
  maxPool2d: ['kernel'],
  onImages: ['image', 'model'],
  residual: ['body', 'shortcut'],
  sequential: ['...layers'],
  warmup: ['steps', 'schedule'],
};

/** The call that a description stands for: `maxPool2d(3, { stride: 2, padding: 1 })`. */
export function formatDescription({ name, options }: Description): string {
  const positional = POSITIONAL[name] ?? [];
  const rest = { ...options };
  const args = positional.flatMap((argument) => {
    const key = argument.replace('...', '');
    const value = rest[key];
    delete rest[key];
    if (value === undefined) return [];
    return argument !== key && Array.isArray(value) ? value.map(format) : [format(value)];
  });
  if (Object.keys(rest).length > 0) args.push(format(rest));
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

function isDescription(value: object): value is Description {
  const { name, options } = value as Partial<Description>;
  return typeof name === 'string' && typeof options === 'object';
}
