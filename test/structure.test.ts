import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files below a folder, as paths from the root. */
function filesIn(folder: string, extensions: RegExp): string[] {
  return readdirSync(join(root, folder)).flatMap((entry) => {
    const path = join(folder, entry);
    if (entry === 'node_modules' || entry === 'results') return [];
    if (statSync(join(root, path)).isDirectory()) return filesIn(path, extensions);
    return extensions.test(entry) ? [path] : [];
  });
}

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const sources = filesIn('src', /(?<!\.d)\.ts$/);

/** The files of src that a file imports or re-exports from, types included. */
function importsOf(path: string): string[] {
  const specifiers = read(path).matchAll(/(?:from|import\()\s*'(\.[^']+)\.js'/g);
  return [...specifiers].map(([, specifier]) => `${join(dirname(path), specifier)}.ts`);
}

const imports = new Map(sources.map((path) => [path, importsOf(path)]));

/** From the bottom up: a folder or file may import from its own layer and from those below. */
const LAYERS: readonly (readonly string[])[] = [
  [
    'checks',
    'concurrency/',
    'description',
    'errors',
    'interleave',
    'options',
    'platform/',
    'random/',
    'tensor',
    'typed-arrays',
  ],
  ['ops/'],
  ['call', 'step', 'tolerance'],
  ['memory-plan'],
  ['layers/', 'backends/'],
  ['numerics/'],
  ['data/'],
  ['training/'],
  ['recipe', 'recipes', 'train-recipe'],
  ['index', 'gradcheck/', 'worker/'],
  ['inline'],
  ['bench/'],
  ['cli/'],
];

function layerOf(path: string): number {
  const name = relative('src', path).replace(/\.ts$/, '');
  const layer = LAYERS.findIndex((names) =>
    names.some((each) => (each.endsWith('/') ? name.startsWith(each) : name === each)),
  );
  if (layer < 0) throw new RangeError(`expected ${path} to be in a layer; add it to LAYERS`);
  return layer;
}

describe('the sources', () => {
  it('import only from their own layer and those below', () => {
    const upward = [...imports].flatMap(([path, targets]) =>
      targets
        .filter((target) => target.startsWith('src') && layerOf(target) > layerOf(path))
        .map((target) => `${path} → ${target}`),
    );
    expect(upward).toEqual([]);
  });

  it('keep backends apart from layers', () => {
    const across = [...imports].flatMap(([path, targets]) =>
      targets
        .filter((target) => /^src\/backends/.test(path) && /^src\/layers/.test(target))
        .map((target) => `${path} → ${target}`),
    );
    expect(across).toEqual([]);
  });

  it('have no import cycles', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
        return;
      }
      if (done.has(path)) return;
      for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const path of sources) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('have at most 16 files in a folder, apart from those with a file for each op', () => {
    const counts = new Map<string, number>();
    const all = [
      ...sources,
      ...filesIn('bench', /\.(mjs|ts|py)$/),
      ...filesIn('test', /\.(ts|py)$/),
    ];
    for (const path of all) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    const large = [...counts].filter(
      ([folder, count]) => !['src/ops', 'test/ops'].includes(folder) && count > 16,
    );
    expect(large).toEqual([]);
  });

  it('have at most 300 lines', () => {
    const all = [
      ...sources,
      ...filesIn('assembly', /\.ts$/),
      ...filesIn('shaders', /\.wgsl$/),
      ...filesIn('bench', /\.(mjs|ts|py)$/),
      ...filesIn('scripts', /\.mjs$/),
      ...filesIn('examples', /\.(mjs|ts)$/),
    ];
    const long = all
      .map((path) => ({ path, lines: read(path).trimEnd().split('\n').length }))
      .filter(({ lines }) => lines > 300);
    expect(long).toEqual([]);
  });
});

describe('the public API', () => {
  it.each(['src/index.ts', 'src/data/index.ts'])('%s: every export has a docstring', (entry) => {
    const missing: string[] = [];
    for (const [, list, specifier] of read(entry).matchAll(
      /export (?:type )?\{([^}]*)\} from '(\.[^']+)\.js'/g,
    )) {
      const path = `${join(dirname(entry), specifier)}.ts`;
      const source = read(path);
      for (const name of list.matchAll(/(?:type )?(\w+)\s*(?:,|$)/g)) {
        const declaration = new RegExp(
          `\\*/\\n(?:export )?(?:declare )?(?:abstract )?(?:async )?(?:function\\*?|class|interface|type|const) ${name[1]}\\b`,
        );
        if (!declaration.test(source)) missing.push(`${path}: ${name[1]}`);
      }
    }
    expect(missing).toEqual([]);
  });
});
