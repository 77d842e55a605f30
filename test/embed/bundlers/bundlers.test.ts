/* The examples of bundlers, built without further configuration, in browsers. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROWSERS, closeBrowsers, visit } from '../browsers.js';
import { install, type Project } from '../project.js';
import { ISOLATED, type Server, STRICT, serveFolder, startServer } from '../server.js';

interface Case {
  readonly title: string;
  readonly example: string;
  readonly versions?: Readonly<Record<string, string>>;
  /** The pages to open, in the folder that is served; `index.html` by default. */
  readonly pages?: readonly string[];
  /** What is served: the folder that `npm run build` fills, the project itself, or a command's pages. */
  readonly serves: 'dist' | 'project' | readonly [string, ...string[]];
  /** Whether its pages have inline scripts, which a strict policy forbids: import maps. */
  readonly hasInlineScripts?: boolean;
  /** The pages that have a file of each worker, which a policy without `blob:` allows; none by default. */
  readonly withWorkerFiles?: readonly string[];
}

/** What an example reports of a place where it trained. */
interface Trained {
  readonly accuracy: number;
  readonly build: string;
  readonly threads: number;
  readonly notes: readonly string[];
  readonly error?: string;
}

type Result = { readonly [Place in 'page' | 'worker']: Trained };

function expectTrained(trained: Trained, hasThreads: boolean): void {
  expect(trained).toMatchObject({ build: expect.stringMatching(/relaxed|simd/) });
  expect(trained.accuracy).toBeGreaterThan(0.5);
  // By default there is one thread less than cores.
  if (!hasThreads || availableParallelism() <= 2) expect(trained.threads).toBe(1);
  else expect(trained.threads).toBeGreaterThan(1);
  if (hasThreads) expect(trained.notes.join()).not.toMatch(/instead of/);
}

const CASES: readonly Case[] = [
  ...['5', '7', '8'].flatMap((version): Case[] => {
    const versions = { vite: `^${version}.0.0` };
    return [
      {
        title: `Vite ${version}`,
        example: 'vite',
        versions,
        serves: 'dist',
        withWorkerFiles: ['index.html'],
      },
      {
        title: `Vite ${version}, dev server`,
        example: 'vite',
        versions,
        serves: ['node_modules/.bin/vite'],
      },
    ];
  }),
  { title: 'webpack', example: 'webpack', serves: 'dist', withWorkerFiles: ['index.html'] },
  { title: 'Rollup', example: 'rollup', serves: 'dist', withWorkerFiles: ['index.html'] },
  { title: 'Parcel', example: 'parcel', serves: 'dist', hasInlineScripts: true },
  {
    title: 'esbuild',
    example: 'esbuild',
    serves: 'dist',
    pages: ['esm.html', 'iife.html', 'cjs.html'],
    withWorkerFiles: ['esm.html'],
  },
  { title: 'an import map', example: 'import-map', serves: 'project', hasInlineScripts: true },
];

/** Headers of the page, and the threads that it then has. A strict policy forbids import maps in the page. */
const MODES = [
  { mode: 'not isolated', headers: {}, hasThreads: false },
  { mode: 'isolated', headers: ISOLATED, hasThreads: true },
  { mode: 'strict policy', headers: STRICT, hasThreads: true },
] as const;

afterAll(closeBrowsers);

describe.each(CASES.map((each) => [each.title, each] as const))(
  '%s',
  (_, {
    example,
    versions,
    pages = ['index.html'],
    serves,
    withWorkerFiles = [],
    hasInlineScripts,
  }) => {
    let project: Project;
    let output = '';
    let server: Server | undefined;
    const isCommand = typeof serves !== 'string';

    beforeAll(async () => {
      project = await install(example, versions);
      if (serves === 'dist') output = await project.run('npm', 'run', 'build');
      if (isCommand) server = await startServer(project.folder, serves);
    });
    afterAll(async () => {
      await server?.close();
      await project.remove();
    });

    it('builds without warnings', () => {
      // webpack remarks on every file above 244 KiB, which the script of handgrad/worker is.
      const withoutSizes = output
        .replace(/^WARNING in [^\n]*(size limit|performance)[\s\S]*?^\n/gm, '')
        .replace('compiled with 1 warning', '');
      expect(withoutSizes).not.toMatch(/warning/i);
    });

    for (const page of pages) {
      for (const { mode, headers, hasThreads } of MODES) {
        // A server of its own sets no headers.
        if (isCommand && mode !== 'not isolated') continue;
        if (hasInlineScripts && mode === 'strict policy') continue;
        for (const browser of BROWSERS) {
          it(`${page}, ${mode}, in ${browser}`, async () => {
            const folder = serves === 'dist' ? join(project.folder, 'dist') : project.folder;
            const site = server ?? (await serveFolder(folder, headers));
            try {
              const { result, errors } = await visit(
                browser,
                `${site.url}${isCommand ? '' : page}`,
              );
              // Browsers report each script that the policy forbids.
              const isReport = (error: string) =>
                mode === 'strict policy' && /blocked|policy/i.test(error);
              expect(errors.filter((error) => !isReport(error))).toEqual([]);
              const startsWorkers = mode !== 'strict policy' || withWorkerFiles.includes(page);
              const { page: own, worker } = result as unknown as Result;
              expectTrained(own, hasThreads && startsWorkers);
              if (startsWorkers) expectTrained(worker, hasThreads);
              else expect(worker.error).toMatch(/openWorker: expected a worker to start/);
            } finally {
              if (site !== server) await site.close();
            }
          });
        }
      }
    }
  },
);
