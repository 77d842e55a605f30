import { inNode, nodeModule } from '../../node.js';
import { forgetModules } from './module.js';

/** V8 12.4, of Node 22, is the first that has the flag; older ones complain on stderr. */
const FIRST_V8 = 12;

/**
 * Turns on V8's revectorisation for modules compiled from now on.
 *
 * @returns whether the engine has it
 */
export async function turnOnRevectorization(): Promise<boolean> {
  if (!inNode || Number.parseInt(process.versions.v8, 10) < FIRST_V8) return false;
  const { setFlagsFromString } = await nodeModule<typeof import('node:v8')>('node:v8');
  setFlagsFromString('--experimental-wasm-revectorize');
  forgetModules();
  return true;
}
