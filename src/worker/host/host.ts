/**
 * The script of the worker: it has the library, and calls it as the client asks. Bundled into one file, and
 * into the module `virtual:host`.
 */

import { inNode, nodeModule } from '../../platform/node.js';
import { type Port, serve } from './serve.js';

if (inNode) {
  type Threads = typeof import('node:worker_threads');
  // Node queues the messages of `parentPort` until it has a listener.
  nodeModule<Threads>('node:worker_threads').then(({ parentPort }) => serve(parentPort as Port));
} else {
  serve(globalThis as unknown as Port);
}
