import SHADERS from 'virtual:shaders';
import * as CONSTANTS from './constants.js';

/** Files that can replace another file, because they declare the same functions and types. */
export const VARIANTS = {
  /** Multiplies matrices in 16-bit floats. */
  f16: 'f32',
  /** Loads operands of a GEMM with vec4 loads. */
  'read-a-vec4': 'read-a',
  'read-b-vec4': 'read-b',
  /** Reduces over a workgroup with subgroup operations. */
  'subgroup-reduction': 'workgroup-reduction',
} as const;

export type Variant = keyof typeof VARIANTS;

/** A file's name, without `.wgsl`, and its text. */
export type ShaderFile = readonly [name: string, text: string];

/**
 * The files that make up a shader, in order: the constants shared with TypeScript, what the shader
 * requires, and its own file. WGSL has no includes, so they are compiled as one text.
 *
 * @param shader a file's name, without `.wgsl`
 * @param variants files that replace those named in `VARIANTS`, where the shader requires them
 */
export function filesOf(shader: string, variants: readonly Variant[] = []): readonly ShaderFile[] {
  const names = [...SHADERS[shader].requires, shader].map(
    (name) => variants.find((variant) => VARIANTS[variant] === name) ?? name,
  );
  const texts = names.map((name) => SHADERS[name].text);
  return [
    ['constants', prelude(texts)],
    ...names.map((name, i): ShaderFile => [name, texts[i].replace(ENABLE, '')]),
  ];
}

const ENABLE = /^enable .*;$/gm;

/** WGSL requires `enable` directives before everything else, so they move here. */
function prelude(texts: readonly string[]): string {
  const directives = texts.flatMap((text) => text.match(ENABLE) ?? []);
  const constants = Object.entries(CONSTANTS).map(([name, value]) => `const ${name} = ${value};`);
  return [...directives, ...constants, ''].join('\n');
}
