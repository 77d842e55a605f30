/** The options of handgrad's WebGPU backend that are worth comparing. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const DECLARATIONS = fileURLToPath(new URL('../../dist/types/backends/', import.meta.url));

/** What tells that the build has an option: one that it has not, it would ignore in silence. */
const VARIANTS = [
  { title: 'handgrad', options: {} },
  {
    title: 'handgrad, without bounds checks',
    options: { dawnToggles: ['disable_robustness'] },
    declared: /\bdawnToggles\?:/,
  },
  {
    title: 'handgrad, measured tiles',
    options: { tiles: 'measured' },
    declared: /\btiles\?:[^;]*'measured'/,
  },
  {
    title: 'handgrad, without subgroups',
    options: { subgroups: false },
    declared: /\bsubgroups\?:\s*boolean/,
  },
  {
    title: 'handgrad, f16',
    options: { precision: 'f16' },
    declared: /'f16'/,
  },
];

/** Those that the build in dist/ has. */
export function variants() {
  const declarations = readDeclarations();
  return VARIANTS.filter(({ declared }) => !declared || declared.test(declarations));
}

function readDeclarations() {
  const files = readdirSync(DECLARATIONS, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => /(options|create|reference)\.d\.ts$/.test(file))
    .map((file) => readFileSync(DECLARATIONS + file, 'utf8'))
    .join('\n');
}
