import { parseArgs } from 'node:util';
import { CONTESTANTS, ENGINES } from './contestants.mjs';
import { SUBJECTS, WORK } from './work.mjs';

export const USAGE = `npm run bench:peers -- [options]

  --subjects LIST   ${SUBJECTS.join(', ')}
  --shapes LIST     ${WORK.map(({ name }) => name).join(', ')}
  --peers LIST      ${ENGINES.join(', ')}
  --repeat N        samples of each contestant, 15
  --quick           few and short samples: whether everything runs, not how fast
  --out DIR         where to write the report; bench/results for a full run, nowhere for others`;

const THOROUGH = { repeat: 15, sampleMilliseconds: 100, warmUpMilliseconds: 1000 };
const QUICK = { repeat: 3, sampleMilliseconds: 10, warmUpMilliseconds: 20 };
/** Of the steps in a round of training, this part is enough to see whether it runs. */
const QUICK_PART = 0.1;

/**
 * @throws RangeError for a value that is none of those listed, TypeError for an unknown option
 */
export function readOptions(args) {
  const list = { type: 'string' };
  const { values } = parseArgs({
    args,
    options: {
      subjects: list,
      shapes: list,
      peers: list,
      repeat: { type: 'string' },
      quick: { type: 'boolean', default: false },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const subjects = choose('subjects', values.subjects, SUBJECTS);
  const shapes = choose(
    'shapes',
    values.shapes,
    WORK.map(({ name }) => name),
  );
  const engines = choose('peers', values.peers, ENGINES);
  const works = WORK.filter(
    (work) => subjects.includes(work.subject) && shapes.includes(work.name),
  );
  if (works.length === 0) {
    throw new RangeError(`--shapes: expected some of --subjects ${subjects}, got ${shapes}`);
  }
  const patience = values.quick ? QUICK : THOROUGH;
  return {
    help: values.help,
    works: values.quick ? works.map(shortened) : works,
    contestants: CONTESTANTS.filter(({ engine }) => engines.includes(engine)),
    patience: { ...patience, repeat: readRepeat(values.repeat) ?? patience.repeat },
    full: !values.quick && !values.subjects && !values.shapes && !values.peers,
    out: values.out,
  };
}

function shortened(work) {
  if (work.subject !== 'train') return work;
  return { ...work, steps: Math.max(QUICK_PART * work.steps, work.checkedSteps) };
}

function choose(option, text, known) {
  if (text === undefined) return known;
  const chosen = text.split(',').map((name) => name.trim());
  const unknown = chosen.find((name) => !known.includes(name));
  if (unknown === undefined) return chosen;
  throw new RangeError(`--${option}: expected some of ${known.join(', ')}, got ${unknown}`);
}

function readRepeat(text) {
  if (text === undefined) return undefined;
  const repeat = Number(text);
  if (Number.isInteger(repeat) && repeat > 0) return repeat;
  throw new RangeError(`--repeat: expected a positive integer, got ${text}`);
}
