/* The files that shaders require, and the constants and parameter blocks that they share with TypeScript. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readShaders } from '../../../scripts/shaders.mjs';
import { TILES } from '../../../src/backends/webgpu/gemm/gemm.js';
import { Tilings } from '../../../src/backends/webgpu/gemm/tilings.js';
import { KERNELS, planOf } from '../../../src/backends/webgpu/kernels/kernels.js';
import { parametersOf } from '../../../src/backends/webgpu/kernels/parameters.js';
import * as CONSTANTS from '../../../src/backends/webgpu/shaders/constants.js';
import { filesOf, VARIANTS } from '../../../src/backends/webgpu/shaders/shaders.js';
import type { Call } from '../../../src/call.js';
import { kernelCaseOf } from '../../../src/gradcheck/case.js';
import { CASES, type OpName, opNamed } from '../../../src/ops/registry.js';
import { RandomStream, STREAMS } from '../../../src/random/threefry.js';
import { Step } from '../../../src/step.js';
import { type Declaration, membersOf, readShaderSources, type ShaderSource } from './wgsl.js';

const SOURCES = await readShaderSources();
const SHADERS = readShaders();
/** Shaders that are compiled: those of the kernels, and that of the peaks. */
const COMPILED = [
  ...new Set([...Object.values(KERNELS).map(({ shader }) => shader), 'peaks']),
].sort();

function sourceOf(name: string): ShaderSource {
  const source = SOURCES.get(name);
  if (!source) throw new Error(`expected shaders/${name}.wgsl, got none`);
  return source;
}

/** Names that a file uses and does not declare. */
function foreignNames({ declarations }: ShaderSource): string[] {
  const used = [...declarations.values()].flatMap(({ uses }) => [...uses]);
  return [...new Set(used)].filter((name) => !declarations.has(name));
}

/** The declarations of a shader and of all files that it requires. */
function declarationsOf(shader: string): ReadonlyMap<string, Declaration> {
  const names = [...SHADERS[shader].requires, shader];
  return new Map(names.flatMap((name) => [...sourceOf(name).declarations]));
}

describe('the files of shaders/', () => {
  const declaredSomewhere = new Set(
    [...SOURCES.values()].flatMap(({ declarations }) => [...declarations.keys()]),
  );

  it('contain the shader of every kernel', () => {
    for (const [op, { shader }] of Object.entries(KERNELS)) {
      expect([...SOURCES.keys()], op).toContain(shader);
    }
  });

  it('are all used', () => {
    const used = COMPILED.flatMap((shader) => [shader, ...SHADERS[shader].requires]);
    const all = new Set([...used, ...Object.keys(VARIANTS)]);
    expect([...all].sort()).toEqual([...SOURCES.keys()].sort());
  });

  it.each([...SOURCES])('$0 requires exactly what it uses', (name, source) => {
    const foreign = foreignNames(source);
    const listed = source.requires.map((required) => [
      required,
      [...sourceOf(required).declarations.keys()],
    ]);
    for (const [required, declared] of listed) {
      const needed = foreign.filter((used) => declared.includes(used));
      expect(needed, `shaders/${name}.wgsl uses nothing of ${required}.wgsl`).not.toEqual([]);
    }
    const available = [...listed.flatMap(([, declared]) => declared), ...source.expects];
    const missing = foreign.filter(
      (used) => declaredSomewhere.has(used) && !available.includes(used),
    );
    expect(missing, `shaders/${name}.wgsl does not require these`).toEqual([]);
    for (const expected of source.expects) expect(foreign).toContain(expected);
  });

  it.each(COMPILED)('%s declares what the files it requires expect', (shader) => {
    const declared = [...declarationsOf(shader).keys()];
    for (const required of SHADERS[shader].requires) {
      expect(declared).toEqual(expect.arrayContaining([...sourceOf(required).expects]));
    }
  });

  it.each(Object.entries(VARIANTS))('%s can replace %s', (variant, base) => {
    const declared = [...sourceOf(variant).declarations.keys()];
    expect(declared.sort()).toEqual([...sourceOf(base).declarations.keys()].sort());
    expect(SHADERS[base].requires).toEqual(expect.arrayContaining([...SHADERS[variant].requires]));
  });

  it('use every constant that they share with TypeScript, and declare none of them', () => {
    const used = new Set([...SOURCES.values()].flatMap(foreignNames));
    for (const name of Object.keys(CONSTANTS)) {
      expect(used, name).toContain(name);
      expect(declaredSomewhere, name).not.toContain(name);
    }
  });
});

describe('a shader', () => {
  it('begins with its enable directives, also with several variants', () => {
    const text = filesOf('softmax-cross-entropy', ['subgroup-reduction', 'f16'])
      .map(([, code]) => code)
      .join('');
    expect(text).toMatch(/^enable subgroups;\nconst /);
    expect(text.match(/enable/g)).toHaveLength(1);
    expect(filesOf('relu')[0][1]).toMatch(/^const /);
  });

  it('keeps its line numbers without its comments', () => {
    expect(SHADERS.relu.text).not.toContain('//');
    expect(SHADERS.relu.text.split('\n')[4]).toBe('struct Sizes { n: u32 }');
  });

  it.each([
    [{ a: '// requires: b\n' }, 'shaders: expected shaders/b.wgsl to exist, got none; see a → b'],
    [
      { a: '// requires: b\n', b: '// requires: a\n' },
      'shaders: expected requires without a cycle, got a → b → a',
    ],
  ])('that requires an unknown file, or itself, fails the build: %o', async (files, message) => {
    const folder = await mkdtemp(join(tmpdir(), 'handgrad-'));
    try {
      for (const [name, text] of Object.entries(files)) {
        await writeFile(join(folder, `${name}.wgsl`), text);
      }
      expect(() => readShaders(folder)).toThrow(new Error(message));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Names in a shader that ops with other names share: N rows of O columns are summed in column-sums. */
const SHARED_NAMES: Partial<Record<OpName, Readonly<Record<string, string>>>> = {
  linearBackwardBias: { B: 'N' },
  conv2dBackwardBias: { OC: 'O' },
};

/** A call of each op, from the cases of gradcheck. */
const CALLS: readonly Call[] = CASES.flatMap((cases) => {
  const random = new RandomStream(1, STREAMS.data);
  const { gradients = [], kernels = [] } = cases.draw(random);
  const step = new Step();
  for (const each of [...gradients, ...kernels]) kernelCaseOf(each, random).append(step);
  return step.calls;
});

describe('a parameter block', () => {
  const opCalls = [...new Map(CALLS.map((call) => [call.op, call]))];

  it('is tested for every op', () => {
    expect(opCalls.map(([op]) => op).sort()).toEqual(Object.keys(KERNELS).sort());
  });

  it.each(opCalls)('has the sizes and attributes of the definition, in order: %s', (op, call) => {
    const { passes } = planOf(op, call.sizes, call.attributes, new Tilings(TILES));
    const declarations = declarationsOf(KERNELS[op].shader);
    const wanted = parametersOf(call).map(({ name, type }) => {
      return { name: SHARED_NAMES[op]?.[name] ?? name, type };
    });
    const { sizes } = opNamed(op);
    expect(Object.keys(call.sizes)).toEqual(sizes);
    const blocks = passes.flatMap(({ entryPoint }) => blocksUsedBy(entryPoint, declarations));
    for (const block of blocks) {
      // A shader may omit attributes at the end that it does not need.
      expect(block.length).toBeLessThanOrEqual(wanted.length);
      block.forEach((member, i) => {
        // Sizes may be signed: a window that starts in the padding has negative coordinates.
        const memberType = member.type.replace('i32', 'u32');
        expect({ name: member.name, type: memberType }).toEqual(wanted[i]);
      });
    }
  });
});

/**
 * The members of the parameter blocks that an entry point uses, directly or not, up to the last one
 * that it reads: an op may lack the last attribute of a block that it shares with other ops.
 */
function blocksUsedBy(entryPoint: string, declarations: ReadonlyMap<string, Declaration>) {
  const reached = new Set([entryPoint]);
  for (const name of reached) {
    for (const used of declarations.get(name)?.uses ?? []) reached.add(used);
  }
  expect(declarations.keys()).toContain(entryPoint);
  return [...reached].flatMap((name) => {
    const variable = declarations.get(name)?.code ?? '';
    const [, type] = /@binding\(PARAMETERS_BINDING\) var<uniform> \w+: (\w+)/.exec(variable) ?? [];
    const struct = type === undefined ? undefined : declarations.get(type);
    if (!struct) return [];
    const members = membersOf(struct);
    const code = [...reached].map((each) => declarations.get(each)?.code ?? '').join('\n');
    const last = members.findLastIndex((member) => new RegExp(`\\.${member.name}\\b`).test(code));
    return [members.slice(0, last + 1)];
  });
}
