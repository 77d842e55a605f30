/** Derives misuses from signatures: each is a valid call with one fault. */

import { fieldsOf } from './signatures.mjs';

/** Wrong values of every type, by what they are in a message of this script. */
const WRONG = {
  null: () => null,
  'an object': () => ({}),
  'a list': () => [],
  'a list of strings': () => ['a'],
  'a string': () => '10',
  'a number': () => 3.5,
  'a boolean': () => true,
  'a function': () => (value) => value,
  'a symbol': () => Symbol('s'),
  'a bigint': () => 5n,
};

const NUMBERS = {
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  negative: () => -1,
  fractional: () => 1.5,
  huge: () => 1e300,
};

/** Which of the wrong values a type accepts. */
function accepted(type, declarations) {
  const alias = declarations.aliases.get(type);
  if (alias && type !== 'Shape') return accepted(alias, declarations);
  const values = [];
  if (/\bnumber\b(?!\[|>)/.test(type) || type === 'Pixels') values.push('a number');
  if (/\bstring\b(?!\[|,|>)/.test(type)) values.push('a string');
  if (/\bboolean\b/.test(type)) values.push('a boolean');
  if (/=>|Initializer|PlatformFetch/.test(type)) values.push('a function');
  if (/\[\]|ArrayLike|Shape/.test(type)) values.push('a list');
  if (/string\[\]/.test(type)) values.push('a list of strings');
  const fields = fieldsOf(declarations, type);
  if (/Record|Checksums/.test(type)) values.push('an object');
  if (fields?.every(({ isOptional }) => isOptional)) values.push('an object');
  return values;
}

/** Whether the documentation excludes a number. Without documentation every number is allowed. */
function isExcluded(kind, { doc, name }) {
  const counts =
    /\bintegers?\b|\bnumber of\b|\bexamples per\b|\bpasses\b|\bchannels\b|\bfeatures\b/i;
  const isCount = counts.test(doc) || /^(batch|inputs|outputs|channels|classes|size)$/.test(name);
  switch (kind) {
    case 'NaN':
    case 'Infinity':
      return true;
    case 'huge':
    case 'fractional':
      return isCount && kind === 'fractional';
    case 'negative':
      return (
        (isCount && !/\binteger\b/i.test(doc)) ||
        /positive|at least [01]\b|from 0|between 0|above 0|0 to 1/i.test(doc)
      );
    default:
      return false;
  }
}

/**
 * The faults of one parameter or option.
 *
 * @returns descriptions with functions that make the wrong value, and whether a call may accept it
 */
function* faultsOf(parameter, valid, declarations) {
  const { type, isOptional } = parameter;
  if (!isOptional) yield { fault: 'missing', make: () => undefined };
  const allowed = accepted(type, declarations);
  for (const [fault, make] of Object.entries(WRONG)) {
    if (!allowed.includes(fault)) yield { fault, make };
  }
  yield { fault: 'a promise', make: () => Promise.resolve(valid()) };
  if (/^number\b/.test(type) || type === 'Pixels') {
    for (const [fault, make] of Object.entries(NUMBERS)) {
      yield { fault, make, isAllowed: !isExcluded(fault, parameter) };
    }
  }
  if (/ArrayLike<number>|^readonly number\[\]/.test(type)) {
    yield { fault: 'a list of strings', make: () => ['a'] };
    yield { fault: 'a list with NaN', make: () => [Number.NaN] };
  }
}

/** Whether a type is a bag of options, for which unknown names are refused. */
function takesOptions(type) {
  return /Options|Sizes|ImageShape|^\{|^Omit/.test(type);
}

/**
 * All misuses of a function.
 *
 * @param name of the function: `Backend.matmul`
 * @param valueFor makes a valid value of a parameter
 * @returns each with a title and a function that makes its arguments
 */
export function* misusesOf(name, parameters, valueFor, declarations) {
  const taken = parameters.filter(({ type }) => type !== 'readonly []');
  const validArguments = () => taken.map((parameter) => valueFor(name, parameter));
  const replaced = (index, value) => () => validArguments().with(index, value());
  for (const [index, parameter] of taken.entries()) {
    const valid = () => valueFor(name, parameter);
    for (const { fault, make, isAllowed = false } of faultsOf(parameter, valid, declarations)) {
      const title = `${name}: ${fault} as ${parameter.name}`;
      yield { title, isAllowed, argumentsOf: replaced(index, make) };
    }
    for (const misuse of bagFaults(
      `${name}.${parameter.name}`,
      parameter.type,
      valid,
      declarations,
      valueFor,
    )) {
      const { title, isAllowed, make } = misuse;
      yield { title: `${name}: ${title}`, isAllowed, argumentsOf: replaced(index, make) };
    }
  }
  // A further argument is refused by functions that others might expect to take options.
  if (taken.length < parameters.length) {
    const argumentsOf = () => [...validArguments(), { unknownOption: 1 }];
    yield { title: `${name}: one argument too many`, isAllowed: false, argumentsOf };
  }
}

function* bagFaults(path, type, valid, declarations, valueFor) {
  const fields = fieldsOf(declarations, type);
  // Objects with methods, such as layers, are made by functions of the library.
  if (!fields || fields.some(({ isMethod }) => isMethod)) return;
  if (takesOptions(type)) {
    const make = () => ({ ...valid(), unknownOption: 1 });
    yield { title: `an unknown option in ${path}`, isAllowed: false, make };
  }
  for (const field of fields) {
    const validField = () => valid()[field.name] ?? valueFor(path, field);
    for (const { fault, make, isAllowed = false } of faultsOf(field, validField, declarations)) {
      yield {
        title: `${fault} as ${path}.${field.name}`,
        isAllowed,
        make: () => ({ ...valid(), [field.name]: make() }),
      };
    }
    for (const nested of bagFaults(
      `${path}.${field.name}`,
      field.type,
      validField,
      declarations,
      valueFor,
    )) {
      yield { ...nested, make: () => ({ ...valid(), [field.name]: nested.make() }) };
    }
  }
}
