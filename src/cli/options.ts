/** Options that several commands share, and parsers of option values. */

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { BackendName } from '../backends/runtime.js';
import { MOST_THREADS } from '../backends/wasm/thread-count.js';
import { BACKEND_NAMES, type BackendChoice } from '../numerics/create-backend.js';

export interface BackendOptions {
  readonly backend: BackendChoice;
  readonly threads?: number;
  /** Part of the name of the adapter for the webgpu backend. */
  readonly adapter?: string;
}

/** The backends that a list may name: all but `auto`. */
export const EVERY_BACKEND = ['wasm', 'webgpu', 'reference'] as const satisfies BackendName[];

export interface DataOptions {
  /** A folder, or `synthetic`. */
  readonly data?: string;
}

export interface JsonOption {
  readonly json?: true;
}

/** Every command has it. */
export interface VerboseOption {
  readonly verbose?: true;
}

export function addBackendOptions(command: Command): Command {
  const backend = new Option('--backend <name>', 'backend to compute on').choices(BACKEND_NAMES);
  command
    .addOption(backend.default('auto'))
    .option(
      '--threads <count>',
      'threads of the wasm backend (default: all cores but one, at most 8)',
      threadCount,
    );
  return addAdapterOption(command);
}

export function addAdapterOption(command: Command): Command {
  return command.option(
    '--adapter <name>',
    'GPU of the webgpu backend: part of a name that "handgrad info" lists',
  );
}

export function addDataOption(command: Command): Command {
  return command.option(
    '--data <folder>',
    'folder with the MNIST files, or "synthetic" for digits that the program draws ' +
      '(default: $HANDGRAD_MNIST, else the cache folder, else a download)',
    folderOrSynthetic,
  );
}

export interface DigitsOptions {
  readonly digits?: readonly number[];
}

export function addDigitsOption(command: Command): Command {
  return command.option(
    '--digits <list>',
    'digits to classify, such as 3,7 (default: all)',
    digitList,
  );
}

function digitList(text: string): number[] {
  const digits = list((item) => (/^\d$/.test(item) ? Number(item) : Number.NaN))(text);
  const areDifferent = new Set(digits).size === digits.length;
  if (digits.length >= 2 && areDifferent && digits.every((digit) => digit >= 0)) return digits;
  throw new InvalidArgumentError('Expected at least two different digits, such as 3,7.');
}

/** A parser that accepts one of `values`. */
export function oneOf<Value extends string>(values: readonly Value[]): (text: string) => Value {
  return (text) => {
    const value = values.find((known) => known === text);
    if (value !== undefined) return value;
    throw new InvalidArgumentError(`Allowed choices are ${values.join(', ')}.`);
  };
}

/** A parser of comma-separated items. */
export function list<Item>(readItem: (text: string) => Item): (text: string) => Item[] {
  return (text) => text.split(',').map((item) => readItem(item.trim()));
}

/** @throws InvalidArgumentError unless `text` is an integer of at least 1 */
export function positiveInteger(text: string): number {
  return integer(text, 1);
}

/** @throws InvalidArgumentError unless `text` is an integer from 0 to 2³² − 1 */
export function seedNumber(text: string): number {
  const seed = integer(text, 0);
  if (seed < 2 ** 32) return seed;
  throw new InvalidArgumentError('Expected a seed below 4294967296.');
}

/** @throws InvalidArgumentError unless `text` is an integer of at least 0 */
export function nonNegativeInteger(text: string): number {
  return integer(text, 0);
}

/** @throws InvalidArgumentError unless `text` is a number above 0 */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** @throws InvalidArgumentError unless `text` is a number of threads that a backend takes */
export function threadCount(text: string): number {
  const threads = positiveInteger(text);
  if (threads <= MOST_THREADS) return threads;
  throw new InvalidArgumentError(`Expected at most ${MOST_THREADS}.`);
}

function integer(text: string, minimum: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= minimum) return value;
  throw new InvalidArgumentError(`Expected an integer of at least ${minimum}.`);
}

function folderOrSynthetic(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('Expected a folder, or "synthetic".');
}
