import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // Examples import the package by its name; tests run them on the sources.
    alias: [
      { find: /^handgrad$/, replacement: source('src/index.ts') },
      { find: /^handgrad\/data$/, replacement: source('src/data/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
  },
});
