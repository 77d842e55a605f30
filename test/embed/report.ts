/* Writes the results of these tests as a table, which README.md quotes: test/embed/results.md. */
import { writeFile } from 'node:fs/promises';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

/** Browsers whose names are names of tests: see browsers.ts. */
const BROWSERS = ['chromium', 'firefox'];
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
  /** Results by setting: of each browser, or of the only test. */
  const others = new Map<string, string[]>();
  for (const test of tests) {
    const mark = test.result().state === 'passed' ? '' : ' **fails**';
    const [setting, name] = [suitesOf(test).join(', '), test.name];
    const [, page, mode, browser] = /^(\S+), ([^,]+), in (\w+)$/.exec(name) ?? [];
    if (mode !== undefined) {
      const key = page === 'index.html' ? setting : `${setting}, ${page}`;
      const row = pages.get(key) ?? new Map();
      pages.set(key, row.set(mode, [...(row.get(mode) ?? []), `${browser}${mark}`]));
      continue;
    }
    const isBrowser = BROWSERS.includes(name);
    const key = isBrowser ? setting : [setting, name].filter(Boolean).join(': ');
    const result = isBrowser ? `${name}${mark}` : mark.trim() || 'passes';
    others.set(key, [...(others.get(key) ?? []), result]);
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
    ...[...others].map(([setting, results]) => `| ${setting} | ${results.join(', ')} |`),
    '',
  ].join('\n');
}

/** The names of the suites around a test, outermost first. */
function suitesOf({ parent }: TestCase | TestSuite): string[] {
  return parent.type === 'suite' ? [...suitesOf(parent), parent.name] : [];
}
