import { inNode, nodeModule } from '../../node.js';
import { forgetModules } from './module.js';

/** V8 12.4, of Node 22, is the first that has the flag; older ones complain on stderr. */
const FIRST_V8 = 12;
/** V8 13.6, of Node 24, stops the process with "unreachable code" while it compiles some kernels. */
const BROKEN_V8 = 13;

/** Turns on V8's revectorisation for modules compiled from now on, or says why it cannot. */
export async function turnOnRevectorization(): Promise<{ on: boolean; note?: string }> {
  const version = inNode ? Number.parseInt(process.versions.v8, 10) : 0;
  if (version < FIRST_V8) {
    return { on: false, note: 'Vectors of 256 bits need Node 22, 26 or newer: running without.' };
  }
  if (version === BROKEN_V8) {
    const note = 'Vectors of 256 bits crash the compiler of Node 24: running without.';
    return { on: false, note };
  }
  const { setFlagsFromString } = await nodeModule<typeof import('node:v8')>('node:v8');
  setFlagsFromString('--experimental-wasm-revectorize');
  forgetModules();
  return { on: true };
}
