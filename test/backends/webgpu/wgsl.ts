import { readdir, readFile } from 'node:fs/promises';
import { requiredBy } from '../../../scripts/shaders.mjs';

/** A declaration at module scope. */
export interface Declaration {
  readonly name: string;
  readonly code: string;
  /** Names at module scope, of this or another file, that it uses. */
  readonly uses: ReadonlySet<string>;
}

/** A file of `shaders/`. */
export interface ShaderSource {
  /** Names of its first line, `// requires: …`. */
  readonly requires: readonly string[];
  /** Names of the line `// expects: …`: the shader that requires the file declares them. */
  readonly expects: readonly string[];
  readonly declarations: ReadonlyMap<string, Declaration>;
}

/** All files of `shaders/` by their names without `.wgsl`. */
export async function readShaderSources(): Promise<ReadonlyMap<string, ShaderSource>> {
  const folder = new URL('../../../shaders/', import.meta.url);
  const sources = (await readdir(folder)).map(async (file) => {
    const source = parse(await readFile(new URL(file, folder), 'utf8'));
    return [file.replace('.wgsl', ''), source] as const;
  });
  return new Map(await Promise.all(sources));
}

function parse(source: string): ShaderSource {
  const [, expects = ''] = /^\/\/ expects: (.+)$/m.exec(source) ?? [];
  const code = source.replace(/\/\/.*$/gm, '');
  const declarations = splitDeclarations(code).map(declarationOf);
  return {
    requires: requiredBy(source),
    expects: expects.split(', ').filter((name) => name !== ''),
    declarations: new Map(declarations.map((declaration) => [declaration.name, declaration])),
  };
}

/** The text of each declaration: up to a semicolon or a closing brace outside all braces. */
function splitDeclarations(code: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < code.length; i++) {
    if (code[i] === '{') depth++;
    else if (code[i] === '}') depth--;
    else if (code[i] !== ';') continue;
    if (depth > 0 || code[i] === '{') continue;
    found.push(code.slice(start, i + 1).trim());
    start = i + 1;
  }
  return found.filter((text) => !text.startsWith('enable'));
}

function declarationOf(code: string): Declaration {
  const [, kind, name] =
    /\b(fn|struct|alias|const|override|var)(?:<[^>]*>)?\s+(\w+)/.exec(code) ?? [];
  if (name === undefined) throw new Error(`expected a declaration, got ${code}`);
  const uses = new Set([...code.matchAll(/(?<![\w.@])[A-Za-z_]\w*/g)].map(([word]) => word));
  uses.delete(name);
  if (kind === 'fn' || kind === 'struct') {
    // Parameters, members and local variables.
    for (const [, local] of code.matchAll(/(\w+)\s*:/g)) uses.delete(local);
    for (const [, local] of code.matchAll(/\b(?:let|var|const)\s+(\w+)/g)) uses.delete(local);
  }
  return { name, code, uses };
}

/** The members of a struct, in order. */
export function membersOf({ code }: Declaration): { name: string; type: string }[] {
  const body = code.slice(code.indexOf('{'));
  return [...body.matchAll(/(\w+)\s*:\s*(\w+)/g)].map(([, name, type]) => ({ name, type }));
}
