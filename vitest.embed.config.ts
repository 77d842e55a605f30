import { defineConfig } from 'vitest/config';
import { EmbedReporter } from './test/embed/report.js';

/** Tests of the package as programs install it: `npm run test:embed`. They need a network. */
export default defineConfig({
  test: {
    include: ['test/embed/**/*.test.ts'],
    globalSetup: ['test/embed/pack.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    maxWorkers: 2,
    reporters: ['default', new EmbedReporter()],
  },
});
