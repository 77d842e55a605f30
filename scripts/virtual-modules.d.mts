import type { Plugin } from 'vitest/config';

export const viteVirtualModules: Plugin;
