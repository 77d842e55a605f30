/*
 * A kernel reads its arguments by position: `const x = pointer(args, 1)`. These tests read the
 * AssemblyScript sources and compare names and positions with the op's definition, in the order
 * outputs, updates, inputs, sizes, attributes.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fuse } from '../../../src/backends/wasm/fuse.js';
import {
  FUSED_KERNELS,
  type KernelCall,
  kernelCallOf,
} from '../../../src/backends/wasm/kernel-call.js';
import { OPS, type OpName, opNamed } from '../../../src/ops/registry.js';
import { CHAINS, stepOf } from '../chains.js';

/** One read of an argument, with the name of the variable that it is assigned to, if any. */
interface Read {
  readonly kind: 'pointer' | 'size' | 'attribute';
  readonly name: string | undefined;
  /** The position among pointers and sizes, or among attributes. */
  readonly position: number;
  /** Number of pointers and sizes, as the read of an attribute states it. */
  readonly words: number | undefined;
}

interface Source {
  readonly parameters: readonly string[];
  readonly body: string;
}

/**
 * Names of variables that stand for a role or size of another name: in helpers that serve two ops, and
 * in window.ts, whose globals have the names of the sizes.
 */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  to: ['y', 'dx'],
  from: ['x', 'dy'],
  batch: ['B'],
  height: ['H'],
  width: ['W'],
  channels: ['C'],
};

/** Names of the op whose kernel an op's kernel calls. */
const DELEGATED: Readonly<Partial<Record<OpName, Readonly<Record<string, string>>>>> = {
  conv2dBackwardBias: { B: 'N', O: 'OC' },
};

const FOLDER = new URL('../../../assembly/', import.meta.url);

/** Every function of assembly/, by file and name. */
const FUNCTIONS: ReadonlyMap<string, ReadonlyMap<string, Source>> = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file, functionsOf(readFileSync(new URL(file, FOLDER), 'utf8'))]),
);

function functionsOf(text: string): Map<string, Source> {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const functions = new Map<string, Source>();
  for (const match of code.matchAll(/\bfunction (\w+)\(/g)) {
    const begin = match.index + match[0].length;
    const [parameters, end] = splitArguments(code, begin);
    const open = code.indexOf('{', end);
    functions.set(match[1], {
      parameters: parameters.map((parameter) => parameter.split(':')[0].trim()),
      body: code.slice(open, code.indexOf('\n}', open)),
    });
  }
  return functions;
}

/** The comma-separated parts from `begin` to the closing parenthesis, and the index after it. */
function splitArguments(code: string, begin: number): [parts: string[], end: number] {
  const parts: string[] = [];
  let depth = 0;
  let start = begin;
  for (let i = begin; ; i++) {
    const isEnd = code[i] === ')' && depth === 0;
    if (isEnd || (code[i] === ',' && depth === 0)) {
      parts.push(code.slice(start, i).trim());
      start = i + 1;
    }
    if (isEnd) return [parts.filter((part) => part !== ''), i + 1];
    if (code[i] === '(') depth++;
    if (code[i] === ')') depth--;
  }
}

/** The value of a sum of integers and parameters; NaN for any other expression. */
function sumOf(expression: string, values: ReadonlyMap<string, number>): number {
  return expression
    .split('+')
    .map((term) => values.get(term.trim()) ?? Number(term))
    .reduce((sum, value) => sum + value, 0);
}

/** All arguments that a function reads, itself or in functions that it passes `args` to. */
function readsOf(file: string, name: string, values: ReadonlyMap<string, number>): Read[] {
  const source = sourceOf(file, name);
  const reads: Read[] = [];
  for (const match of source.body.matchAll(
    /(?:(\w+)(?:: \w+)? = (?:<\w+>)*)?(?:\w+\.)?\b(\w+)\(args\b/g,
  )) {
    const [call, variable, callee] = match;
    const [[, ...given]] = splitArguments(source.body, match.index + call.length - 'args'.length);
    if (callee === 'pointer' || callee === 'size') {
      const position = sumOf(given[0], values);
      reads.push({ kind: callee, name: variable, position, words: undefined });
    } else if (callee === 'attribute') {
      const [words, position] = given.map((part) => sumOf(part, values));
      reads.push({ kind: 'attribute', name: variable, position, words });
    } else {
      const found = fileOf(file, callee);
      const { parameters } = sourceOf(found, callee);
      const passed = given.map((part, i) => [parameters[i + 1], sumOf(part, values)] as const);
      reads.push(...readsOf(found, callee, new Map(passed)));
    }
  }
  return reads;
}

function sourceOf(file: string, name: string): Source {
  const source = FUNCTIONS.get(file)?.get(name);
  if (source === undefined) throw new Error(`expected ${name} in assembly/${file}, got none`);
  return source;
}

/** The file of a function: the one that calls it, or another. */
function fileOf(caller: string, name: string): string {
  if (FUNCTIONS.get(caller)?.has(name)) return caller;
  const [found] = [...FUNCTIONS].find(([, functions]) => functions.has(name)) ?? [];
  if (found === undefined) throw new Error(`expected ${name} in assembly/, got none`);
  return found;
}

function kernelReads(kernel: string): Read[] {
  return readsOf(fileOf('index.ts', kernel), kernel, new Map());
}

/** Checks names and positions of one kind: every one is read, and under its name. */
function expectReads(
  reads: readonly Read[],
  offset: number,
  names: readonly (string | undefined)[],
) {
  for (const { name, position } of reads) {
    const index = position - offset;
    expect(index, `position ${position}, read as ${name}`).toBeGreaterThanOrEqual(0);
    expect(index, `position ${position}, read as ${name}`).toBeLessThan(names.length);
    const want = names[index];
    if (want === undefined || name === undefined) continue;
    expect([name, ...(SYNONYMS[name] ?? [])], `name at position ${position}`).toContain(want);
  }
  const positions = new Set(reads.map(({ position }) => position - offset));
  expect([...positions].sort((a, b) => a - b)).toEqual(names.map((_, i) => i));
}

const FUSED: readonly KernelCall[] = CHAINS.flatMap((chain) =>
  fuse(stepOf(chain, 'activation').calls.map(kernelCallOf)),
);

const ofKind = (reads: readonly Read[], wanted: Read['kind']) =>
  reads.filter(({ kind }) => kind === wanted);

/** The attributes of a convolution are among its sizes, where its kernels read them. */
function attributesReadBy(kernel: string, attributes: readonly unknown[]): readonly unknown[] {
  return kernel.startsWith('conv2d') && !kernel.includes('Pool') ? [] : attributes;
}

/** Checks positions only: kernels name attributes as formulas do, such as ε. */
function expectAttributes(reads: readonly Read[], words: number, attributes: readonly unknown[]) {
  for (const read of reads) expect(read.words, `words before ${read.name}`).toBe(words);
  const unnamed = attributes.map(() => undefined);
  expectReads(
    reads.map((read) => ({ ...read, name: undefined })),
    0,
    unnamed,
  );
}

describe('the kernel of', () => {
  it.each(Object.keys(OPS) as OpName[])('%s reads the arguments that the op defines', (op) => {
    const { outputs, updates, inputs, sizes, attributes } = opNamed(op);
    const tensors = [...outputs, ...updates, ...inputs];
    const reads = kernelReads(op).map(({ name = '', ...read }) => ({
      ...read,
      name: DELEGATED[op]?.[name] ?? (name || undefined),
    }));
    const pointers = ofKind(reads, 'pointer');
    for (const { name, position } of pointers) expect(name, `name of ${position}`).toBeDefined();
    expectReads(pointers, 0, tensors);
    expectReads(ofKind(reads, 'size'), tensors.length, sizes);
    const words = tensors.length + sizes.length;
    expectAttributes(ofKind(reads, 'attribute'), words, attributesReadBy(op, attributes));
  });

  it.each(FUSED_KERNELS)('%s reads the arguments that fusion passes', (kernel) => {
    const call = FUSED.find((candidate) => candidate.kernel === kernel) as KernelCall;
    const reads = kernelReads(kernel);
    const tensors = [...call.outputs, ...call.inputs].map(() => undefined);
    const sizes = Object.keys(call.sizes);
    expectReads(ofKind(reads, 'pointer'), 0, tensors);
    expectReads(ofKind(reads, 'size'), tensors.length, sizes);
    const words = tensors.length + sizes.length;
    const attributes = attributesReadBy(kernel, Object.keys(call.attributes));
    expectAttributes(ofKind(reads, 'attribute'), words, attributes);
  });
});
