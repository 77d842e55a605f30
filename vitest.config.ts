import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { viteVirtualModules } from './scripts/virtual-modules.mjs';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The system's Chromium. Without it, tests in a browser are skipped with a warning. */
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const hasChromium = existsSync(chromium);
if (!hasChromium) {
  const message = `no Chromium at ${chromium}; install it or set CHROMIUM to run the tests in browsers`;
  if (process.env.HANDGRAD_REQUIRE_BROWSER) throw new Error(message);
  console.warn(message);
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether tests that need a GPU fail, rather than being skipped, when there is none. */
    webgpuIsRequired: boolean;
  }
}

/**
 * Time limit of a test in milliseconds: a multiple of the time of a fixed amount of work, so that it grows
 * with the load of the machine. On an idle machine, every test takes less than a tenth of it.
 */
const limit = Math.max(120_000, 1200 * millisecondsOfWork());

function millisecondsOfWork(): number {
  const began = performance.now();
  let sum = 0;
  for (let i = 0; i < 5e7; i++) sum = Math.imul(sum, 31) + i;
  // Uses the sum, so that the loop stays.
  return Math.max(performance.now() - began, sum & 0);
}

/** Tests that also run in browsers and use no Node modules. */
const everywhere = ['test/ops/*.test.ts', 'test/training/trainer.test.ts'];

/** Tests of pages. They measure how long a page stands still, so each group of them runs alone. */
const ofPages = ['test/browser/*.test.ts'];

/** The headers that let a page share memory between threads. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

interface Page {
  readonly name: string;
  readonly headers: Record<string, string>;
  readonly hasGpu: boolean;
}

/** @param groupOrder projects of the same number run at once, those of a higher number later */
function inChromium(
  { name, headers, hasGpu }: Page,
  include: readonly string[],
  groupOrder: number,
) {
  return {
    extends: true as const,
    server: { headers },
    test: {
      name: groupOrder === 0 ? name : `${name}, alone`,
      sequence: { groupOrder },
      ...(!hasGpu && { provide: { webgpuIsRequired: false } }),
      include: [...include],
      // The first compiles AssemblyScript, which needs Node; the second takes minutes.
      exclude: ['test/ops/exp.test.ts', 'test/ops/long-sums.test.ts'],
      browser: {
        enabled: true,
        headless: true,
        screenshotFailures: false,
        provider: playwright({
          launchOptions: {
            executablePath: chromium,
            args: [
              '--no-sandbox',
              '--disable-background-networking',
              '--disable-component-update',
              '--disable-sync',
              '--no-first-run',
              '--disable-quic',
              // SwiftShader, Chromium's software GPU, which is only enabled by these flags.
              ...(hasGpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : []),
            ],
          },
        }),
        instances: [{ browser: 'chromium' as const }],
      },
    },
  };
}

const pages: readonly Page[] = [
  { name: 'chromium, isolated', headers: isolation, hasGpu: true },
  // WebGPU does not depend on isolation, and a software GPU is slow.
  { name: 'chromium, not isolated', headers: {}, hasGpu: false },
];
const browsers = pages.flatMap((page, i) => [
  inChromium(page, everywhere, 0),
  inChromium(page, ofPages, i + 1),
]);

export default defineConfig({
  plugins: [viteVirtualModules],
  resolve: {
    // Examples import the package by name. Tests run them on the sources.
    alias: [
      { find: /^handgrad$/, replacement: source('src/index.ts') },
      { find: /^handgrad\/data$/, replacement: source('src/data/index.ts') },
      { find: /^handgrad\/worker$/, replacement: source('src/worker/index.ts') },
    ],
  },
  test: {
    provide: { webgpuIsRequired: Boolean(process.env.HANDGRAD_REQUIRE_WEBGPU) },
    testTimeout: limit,
    hookTimeout: limit,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/embed/**'],
        },
      },
      ...(hasChromium ? browsers : []),
    ],
  },
});
