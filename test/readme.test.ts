import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { handgrad } from './cli/run.js';

const root = fileURLToPath(new URL('..', import.meta.url));

describe.each(['README.md', 'bench/README.md', 'docs/adding-an-op.md'])('%s', (page) => {
  const text = readFileSync(`${root}/${page}`, 'utf8');

  it('links to files that exist', () => {
    const folder = page.includes('/') ? `${root}/${page.replace(/\/[^/]*$/, '')}` : root;
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link);
    expect(links.filter((link) => !existsSync(`${folder}/${link}`))).toEqual([]);
  });

  it('names files and folders that exist', () => {
    const paths = [...text.matchAll(/`((?:src|assembly|shaders|test|docs|scripts)\/[\w./-]+)`/g)];
    const missing = paths
      .map(([, path]) => path)
      .filter((path) => !/softsign/.test(path) && !existsSync(`${root}/${path}`));
    expect(missing).toEqual([]);
  });
});

it('README shows what `explain mlp` prints', async () => {
  const text = readFileSync(`${root}/README.md`, 'utf8');
  const shown = /`handgrad explain mlp` lists[\s\S]*?```\n([\s\S]*?)\n```/.exec(text)?.[1];
  const { stdout } = await handgrad(['explain', 'mlp']);
  expect(shown).toBeDefined();
  expect(stdout).toContain(shown);
});

it('README quotes the table of the pages in which the package was tested', () => {
  const [pages] = readFileSync(`${root}/test/embed/results.md`, 'utf8').split('\n\n');
  expect(pages).not.toContain('fails');
  expect(readFileSync(`${root}/README.md`, 'utf8')).toContain(pages);
});

it('README uses each term of the glossary in the files that its row names', () => {
  const text = readFileSync(`${root}/README.md`, 'utf8');
  const rows = text
    .slice(text.indexOf('### Glossary'))
    .matchAll(/^\| ([^|]+?)(?: \([^|]*\))? \| [^|]+ \| (`[^|]+`) \|$/gm);
  const places = [...rows].flatMap(([, term, files]) =>
    [...files.matchAll(/`([^`]+\.(?:ts|wgsl))`/g)].map(([, file]) => ({ term, file })),
  );
  expect(places.length).toBeGreaterThan(15);
  const words = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const missing = places.filter(
    ({ term, file }) =>
      !words(readFileSync(`${root}/${file}`, 'utf8')).includes(words(term).replace(/ing$/, '')),
  );
  expect(missing).toEqual([]);
});
