import { inNode, nodeModule } from '../../platform/node.js';
import { forgetModules } from './module.js';

/** V8 12.4 (Node 22) is the first version with the flag; older versions print a warning. */
const FIRST_V8 = 12;
/** V8 13.6 (Node 24) aborts the process with "unreachable code" when it compiles some kernels. */
const BROKEN_V8 = 13;

/** Turns on V8's revectorisation for modules compiled from now on, or explains in a note why it is off. */
export async function turnOnRevectorization(): Promise<{ on: boolean; note?: string }> {
  const version = inNode ? Number.parseInt(globalThis.process.versions.v8, 10) : 0;
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
