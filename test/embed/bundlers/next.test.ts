/* Next, with both of its bundlers: a client page, a worker, a route handler and a server action. */
import { afterAll, describe, expect, it } from 'vitest';
import { BROWSERS, closeBrowsers, visit } from '../browsers.js';
import { install } from '../project.js';
import { startServer } from '../server.js';

afterAll(closeBrowsers);

describe.each(['--turbopack', '--webpack'])('next build %s', (bundler) => {
  it('trains in the page, in a worker and on the server', async () => {
    const project = await install('next');
    try {
      const output = await project.run('npx', 'next', 'build', bundler);
      expect(output).not.toMatch(/Critical dependency|topLevelAwait|handgrad.*warn/i);
      const server = await startServer(project.folder, ['node_modules/.bin/next', 'start']);
      try {
        for (const browser of BROWSERS) {
          const { result, errors } = await visit(browser, server.url);
          expect(errors).toEqual([]);
          for (const place of ['page', 'worker', 'route', 'action']) {
            expect(result, place).toHaveProperty(place);
            const { accuracy, build } = result[place] as { accuracy: number; build: string };
            expect(build, JSON.stringify(result)).toMatch(/relaxed|simd/);
            expect(accuracy).toBeGreaterThan(0.5);
          }
        }
      } finally {
        await server.close();
      }
    } finally {
      await project.remove();
    }
  });
});
