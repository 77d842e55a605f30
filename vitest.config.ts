import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { viteShaders } from './scripts/shaders.mjs';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A Chromium of the system's; the tests in a browser are left out, and say so, where there is none. */
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const hasChromium = existsSync(chromium);
if (!hasChromium) {
  const message = `no Chromium at ${chromium}: tests in a browser cannot run; install it or set CHROMIUM`;
  if (process.env.HANDGRAD_REQUIRE_BROWSER) throw new Error(message);
  console.warn(message);
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether tests fail where there is no GPU, rather than being skipped. */
    webgpuIsRequired: boolean;
  }
}

/** Tests of what runs in browsers too, and need nothing of Node. */
const everywhere = [
  'test/ops/*.test.ts',
  'test/training/trainer.test.ts',
  'test/browser/*.test.ts',
];

/** The headers that let a page share memory between threads. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

function inChromium(name: string, headers: Record<string, string>, hasGpu: boolean) {
  return {
    extends: true as const,
    server: { headers },
    test: {
      name,
      ...(!hasGpu && { provide: { webgpuIsRequired: false } }),
      include: everywhere,
      // These compile AssemblyScript, with Node.
      exclude: ['test/ops/exp.test.ts'],
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
              // A GPU in software, which every machine has, and which Chromium offers only if asked.
              ...(hasGpu ? ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] : []),
            ],
          },
        }),
        instances: [{ browser: 'chromium' as const }],
      },
    },
  };
}

const browsers = [
  inChromium('chromium, isolated', isolation, true),
  // Isolation is nothing to a GPU, which in software takes long.
  inChromium('chromium, not isolated', {}, false),
];

export default defineConfig({
  plugins: [viteShaders],
  resolve: {
    // Examples import the package by its name; tests run them on the sources.
    alias: [
      { find: /^handgrad$/, replacement: source('src/index.ts') },
      { find: /^handgrad\/data$/, replacement: source('src/data/index.ts') },
    ],
  },
  test: {
    provide: { webgpuIsRequired: Boolean(process.env.HANDGRAD_REQUIRE_WEBGPU) },
    // Long for a machine that is busy; none takes a tenth of it on one that is not.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'node', include: ['test/**/*.test.ts'], exclude: ['test/browser/**'] },
      },
      ...(hasChromium ? browsers : []),
    ],
  },
});
