import { parseArgs } from 'node:util';
import { PARTS } from './work.mjs';

export const USAGE = `npm run bench:gpu -- [options]

  --only LIST   ${PARTS.join(', ')}
  --quick       tiny sizes: whether everything runs, not how fast
  --out DIR     where to write the report; bench/results if none is named

Build first: npm run build && npm run build:bench-gpu`;

/** @throws RangeError for a part that there is not, TypeError for an unknown option */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  return { ...values, parts: readParts(values.only) };
}

function readParts(text) {
  if (text === undefined) return PARTS;
  const chosen = text.split(',').map((name) => name.trim());
  const unknown = chosen.find((name) => !PARTS.includes(name));
  if (unknown === undefined) return chosen;
  throw new RangeError(`--only: expected some of ${PARTS.join(', ')}, got ${unknown}`);
}
