/** A mirror on this machine, which can fail in the ways that mirrors do. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** Answers a request for one of the files; `bytes` is undefined for other paths. */
export type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array | undefined,
) => void;

/** A running mirror. */
export interface MirrorServer {
  /** For `baseUrls`. */
  readonly url: string;
  /** Path and Range header of every request so far. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[];
}

/** Serves `files` by name until the running test ends. */
export async function startMirror(
  files: Readonly<Record<string, Uint8Array>>,
  answer: Answer = serveRange,
): Promise<MirrorServer> {
  const requests: { path: string; range: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const path = request.url?.slice(1) ?? '';
    requests.push({ path, range: request.headers.range });
    answer(request, response, files[path]);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, requests };
}

/** A working mirror, which supports Range requests. */
export const serveRange: Answer = (request, response, bytes) => {
  if (!bytes) {
    response.writeHead(404).end();
    return;
  }
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start >= bytes.length) {
    response.writeHead(416).end();
    return;
  }
  const partial = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': bytes.length - start,
    ...(start > 0 ? partial : {}),
  });
  response.end(bytes.subarray(start));
};

/** A mirror that ignores Range headers. */
export const serveWhole: Answer = (_request, response, bytes) => {
  response.writeHead(bytes ? 200 : 404).end(bytes);
};

/** A mirror whose connection breaks after the first `length` bytes of a whole file. */
export function breakAfter(length: number): Answer {
  return (request, response, bytes) => {
    if (request.headers.range !== undefined || !bytes) {
      serveRange(request, response, bytes);
      return;
    }
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, length), () => setTimeout(() => response.destroy(), 20));
  };
}
