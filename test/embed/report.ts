/* Writes the results of these tests as a table, which docs/embedding.md quotes: test/embed/results.md. */
import { writeFile } from 'node:fs/promises';
import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node';

const FILE = new URL('./results.md', import.meta.url);
const MODES = ['not isolated', 'isolated', 'strict policy'];

/** A page of a setting, and in which browsers it trained, by mode. */
type Row = Map<string, string[]>;

export class EmbedReporter implements Reporter {
  #files = 0;

  async onInit(vitest: Vitest): Promise<void> {
    this.#files = (await vitest.globTestSpecifications()).length;
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    // Runs of a part keep the table of the whole.
    if (modules.length < this.#files) return;
    if (tests.some((test) => test.result().state === 'skipped')) return;
    await writeFile(FILE, format(tests));
  }
}

function format(tests: readonly TestCase[]): string {
  const pages = new Map<string, Row>();
  const others: string[] = [];
  for (const test of tests) {
    const { name, parent } = test;
    const mark = test.result().state === 'passed' ? '' : ' **fails**';
    const setting = parent.type === 'suite' ? parent.name : '';
    const [, page, mode, browser] = /^(\S+), ([^,]+), in (\w+)$/.exec(name) ?? [];
    if (mode === undefined) {
      others.push(`| ${[setting, name].filter(Boolean).join(': ')} | ${mark.trim() || 'passes'} |`);
      continue;
    }
    const key = page === 'index.html' ? setting : `${setting}, ${page}`;
    const row = pages.get(key) ?? new Map();
    pages.set(key, row.set(mode, [...(row.get(mode) ?? []), `${browser}${mark}`]));
  }
  const rows = [...pages].map(([setting, row]) => {
    const cells = MODES.map((mode) => row.get(mode)?.join(', ') ?? '–');
    return `| ${[setting, ...cells].join(' | ')} |`;
  });
  return [
    `| pages of | ${MODES.join(' | ')} |`,
    '|---|---|---|---|',
    ...rows,
    '',
    '| other settings | |',
    '|---|---|',
    ...others,
    '',
  ].join('\n');
}
