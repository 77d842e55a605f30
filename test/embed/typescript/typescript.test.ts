/* The declarations in strict programs, by every supported version of TypeScript. */
import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installIn, type Project } from '../project.js';

const PROGRAMS = fileURLToPath(new URL('.', import.meta.url));

/** Names of packages, by version. */
const COMPILERS = {
  '5.4': 'typescript-5.4',
  '5.5': 'typescript-5.5',
  '5.6': 'typescript-5.6',
  '5.7': 'typescript-5.7',
  '5.8': 'typescript-5.8',
  '5.9': 'typescript-5.9',
  6: 'typescript-6',
  latest: 'typescript-latest',
} as const;

const MODULES = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
} as const;

/** The types that programs have of their platform, and what they use of it. */
const PLATFORMS = {
  'no types of a platform': { lib: ['es2022'], types: [], files: ['program.ts'] },
  'the types of the DOM': { lib: ['es2022', 'dom'], types: [], files: ['program.ts', 'page.ts'] },
  'the types of Node': { lib: ['es2022'], types: ['node'], files: ['program.ts', 'server.ts'] },
} as const;

let project: Project;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'handgrad-typescript-'));
  for (const name of ['program.ts', 'page.ts', 'server.ts']) {
    await cp(join(PROGRAMS, name), join(folder, name));
  }
  const compilers = Object.entries(COMPILERS).map(([version, name]) => [
    name,
    `npm:typescript@${version}`,
  ]);
  // The types of the oldest supported Node, which the oldest compiler understands.
  const dependencies = { ...Object.fromEntries(compilers), '@types/node': '^20.0.0' };
  const manifest = { name: 'program', type: 'module', private: true, dependencies };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  project = await installIn(folder);
});

afterAll(() => project?.remove());

describe.each(Object.entries(COMPILERS))('TypeScript %s', (version, compiler) => {
  describe.each(Object.entries(MODULES))('module %s', (kind, settings) => {
    it.each(Object.entries(PLATFORMS))('accepts a program with %s', async (platform, rest) => {
      const { files, ...types } = rest;
      const compilerOptions = {
        ...{ target: 'es2022', strict: true, exactOptionalPropertyTypes: true, noEmit: true },
        ...{ skipLibCheck: false, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true },
        ...settings,
        ...types,
      };
      const config = `tsconfig.${version}.${kind}.${platform.replaceAll(' ', '-')}.json`;
      await writeFile(join(project.folder, config), JSON.stringify({ compilerOptions, files }));
      const tsc = join('node_modules', compiler, 'bin', 'tsc');
      expect(await project.run('node', tsc, '-p', config)).toBe('');
    });
  });
});
