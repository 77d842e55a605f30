/**
 * Serves the page and the package's files in dist/:
 *
 *   npm run build && node examples/browser/serve.mjs [PORT]
 */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { transform } from 'esbuild';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.map': 'application/json',
};

/** These headers isolate the page from other origins, which threads that share memory require. */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** HTTP statuses for errors that the request caused, by error code. */
const STATUSES = { ENOENT: 404, ERR_INVALID_URL: 400 };

const server = createServer(async ({ url }, response) => {
  try {
    const { pathname } = new URL(url, 'http://localhost');
    const content = await contentOf(pathname);
    const type = TYPES[extname(pathname) || '.html'];
    response.writeHead(200, { 'Content-Type': type, ...ISOLATION }).end(content);
  } catch (error) {
    const status = STATUSES[error.code] ?? 500;
    if (status === 500) console.error(error);
    response.writeHead(status).end();
  }
});
const port = Number(process.argv[2] ?? 8080);
// WebGPU and shared memory need a secure context: https, or localhost.
server.listen(port, 'localhost', () => {
  console.log(`http://localhost:${server.address().port}/`);
});

async function contentOf(pathname) {
  if (pathname === '/') return readFile(new URL('index.html', import.meta.url));
  if (pathname === '/main.js') {
    const source = await readFile(new URL('main.ts', import.meta.url), 'utf8');
    return (await transform(source, { loader: 'ts', target: 'es2022' })).code;
  }
  // Only files of dist/ and dist/virtual/.
  const name = /^\/dist\/((?:virtual\/)?[\w.-]+\.(?:js|mjs|map))$/.exec(pathname)?.[1];
  if (name === undefined) throw Object.assign(new Error('not found'), { code: 'ENOENT' });
  return readFile(new URL(`../../dist/${name}`, import.meta.url));
}
