/**
 * Misuses every public function of the built library, as a program without type checking may, and
 * counts how it answers:
 *
 *   clear      an error of this library: "operation: expected X, got Y; hint"
 *   correct    a value that the types exclude or allow, and that has one meaning: the call works
 *   raw        any other error
 *   accepted   a value that the types or the documentation exclude, but the call works
 *   hung       no answer within ten seconds
 *
 * It prints those that are neither clear nor correct, and fails if they are more than 5 %.
 *
 *   npm run misuse
 *   node scripts/misuse.mjs --every 10    only every tenth misuse
 */

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { misusesOf } from './misuse/misuses.mjs';
import { fieldsOf, methodsOf, readSignatures } from './misuse/signatures.mjs';
import { validValues } from './misuse/values.mjs';

const REQUIRED = 0.95;
const PATIENCE_MILLISECONDS = 10_000;

const { values: options } = parseArgs({ options: { every: { type: 'string', default: '1' } } });
const dist = new URL('../dist/', import.meta.url);
const library = {
  ...(await import(new URL('index.js', dist))),
  ...(await import(new URL('data.js', dist))),
};
const declarations = readSignatures(fileURLToPath(new URL('types/', dist)));
const backend = await library.createBackend('reference');
const { values, trainer } = await validValues(library, backend);
const unhandled = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

/** A valid value of a parameter. */
function valueFor(path, { name, type, isOptional }) {
  const make = values[`${path}.${name}`] ?? values[name] ?? values[type];
  if (make) return make();
  const fields = fieldsOf(declarations, type);
  if (fields) {
    const required = fields.filter((field) => !field.isOptional);
    return Object.fromEntries(
      required.map((field) => [field.name, valueFor(`${path}.${name}`, field)]),
    );
  }
  const choice = /'([^']*)'/.exec(declarations.aliases.get(type) ?? type)?.[1];
  if (choice !== undefined) return choice;
  if (type === 'true') return true;
  if (type.includes('=>')) return () => {};
  if (/\d/.test(type)) return Number(/\d+/.exec(type)[0]);
  if (isOptional) return undefined;
  throw new Error(`misuse: expected a value of type ${type} for ${path}.${name}, got none`);
}

/** Every public function, constructor and method, with a function that calls it. */
function* callables() {
  for (const { name, key } of declarations.exports.flat()) {
    // Errors take what the language's own take.
    if (library[name]?.prototype instanceof Error) continue;
    const declared = declarations.functions.get(key);
    if (declared) {
      yield { name, parameters: declared.parameters, call: (args) => library[name](...args) };
      continue;
    }
    for (const { name: method, parameters } of methodsOf(declarations, name)) {
      yield {
        name: `${name}.${method}`,
        parameters,
        call: (args) =>
          method === 'constructor' ? new library[name](...args) : instance(name)[method](...args),
      };
    }
  }
}

function instance(name) {
  if (name === 'Backend') return backend;
  if (name === 'Trainer') return trainer();
  const [{ parameters }] = methodsOf(declarations, name).filter((m) => m.name === 'constructor');
  const path = `${name}.constructor`;
  return new library[name](...parameters.map((parameter) => valueFor(path, parameter)));
}

/** The error of a call, or undefined when it works. */
async function errorOf(call, args) {
  let timer;
  const patience = new Promise((_, reject) => {
    timer = setTimeout(() => reject('hung'), PATIENCE_MILLISECONDS);
  });
  try {
    await Promise.race([(async () => call(args))(), patience]);
    return undefined;
  } catch (error) {
    return error ?? 'nothing';
  } finally {
    clearTimeout(timer);
  }
}

const { BackendError, DataError, ShapeError, TrainingError } = library;
const OURS = [BackendError, DataError, ShapeError, TrainingError, RangeError, TypeError];

function outcomeOf(error, isAllowed) {
  if (error === undefined) return isAllowed ? 'correct' : 'accepted';
  if (error === 'hung') return 'hung';
  const isOurs = OURS.some((type) => error.constructor === type);
  return isOurs && /^[^:]+.*: .*\bexpected\b.*\bgot\b/s.test(error.message) ? 'clear' : 'raw';
}

const counts = { clear: 0, correct: 0, raw: 0, accepted: 0, hung: 0 };
const faults = [];
const broken = [];
let number = 0;
for (const { name, parameters, call } of callables()) {
  if (name === 'Backend.close') continue;
  const taken = parameters.filter(({ type }) => type !== 'readonly []');
  const valid = () => taken.map((parameter) => valueFor(name, parameter));
  const baseline = await errorOf(call, valid());
  if (baseline) broken.push(`${name}: ${baseline.message ?? baseline}`);
  for (const { title, isAllowed, argumentsOf } of misusesOf(
    name,
    parameters,
    valueFor,
    declarations,
  )) {
    if (number++ % Number(options.every) !== 0) continue;
    const error = await errorOf(call, argumentsOf());
    // The error of a valid call says nothing about the fault.
    const isSame = error !== undefined && error.message === baseline?.message;
    const outcome = outcomeOf(isSame ? undefined : error, isAllowed);
    counts[outcome]++;
    if (outcome === 'clear' || outcome === 'correct') continue;
    faults.push(`${outcome.padEnd(9)} ${title}${error ? `: ${error.message ?? error}` : ''}`);
  }
}
await backend.close();

const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
const good = (counts.clear + counts.correct) / total;
for (const line of faults) console.log(line);
for (const line of broken) console.log(`the valid call fails: ${line}`);
for (const reason of unhandled) console.log(`unhandled rejection: ${reason?.stack ?? reason}`);
console.log(
  `${total} misuses: ${Object.entries(counts)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ')}; ${(100 * good).toFixed(1)} % clear or correct`,
);
process.exit(good >= REQUIRED ? 0 : 1);
