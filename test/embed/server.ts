/* Servers for the pages of examples. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
};

/** Headers with which a page may share memory between threads. */
export const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin',
};

/** A policy that allows nothing but the page's own files and WebAssembly. */
export const STRICT = {
  ...ISOLATED,
  'Content-Security-Policy':
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src data:",
};

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a folder, with the same headers for every file. */
export async function serveFolder(
  folder: string,
  headers: Readonly<Record<string, string>>,
): Promise<Server> {
  const server = createServer(async ({ url = '/' }, response) => {
    const path = normalize(decodeURIComponent(url.split('?')[0]));
    const file = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    try {
      const content = await readFile(file);
      const type = TYPES[extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, { ...headers, 'Content-Type': type }).end(content);
    } catch {
      response.writeHead(404, headers).end();
    }
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, close };
}

/**
 * Starts a server that is a command of a project.
 *
 * @param command its name and arguments, to which `--port` is appended
 */
export async function startServer(
  folder: string,
  [name, ...args]: readonly [string, ...string[]],
): Promise<Server> {
  const port = await freePort();
  const server = spawn(name, [...args, '--port', String(port)], {
    cwd: folder,
    stdio: 'ignore',
    detached: true,
  });
  const url = `http://localhost:${port}/`;
  const close = async () => end(server);
  for (let attempt = 0; attempt < 300; attempt++) {
    const isUp = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return { url, close };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await close();
  throw new Error(`expected ${name} ${args.join(' ')} to serve ${url}, got no answer`);
}

function end(server: ChildProcess): void {
  // The server may have started processes of its own, which share its group.
  if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL');
}

async function freePort(): Promise<number> {
  const socket = createSocketServer().listen(0);
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  socket.close();
  return port;
}
