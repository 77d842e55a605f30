import { expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { handgrad, shell } from './run.js';

const COMMANDS = [
  'train',
  'evaluate',
  'predict',
  'baseline',
  'gradcheck',
  'explain',
  'info',
  'bench',
];

/** Expects one line on stderr, nothing on stdout, and the exit status for wrong usage. */
async function expectWrongUsage(args: readonly string[], message: string) {
  const { status, stdout, stderr } = await handgrad(args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^handgrad: [^\n]*\n$/);
  expect(stderr).toContain(message);
}

test('--version prints the version of the package', async () => {
  expect(await handgrad(['--version'])).toEqual({
    status: 0,
    stdout: `${manifest.version}\n`,
    stderr: '',
  });
});

test('--help names every command and shows examples', async () => {
  const { status, stdout } = await handgrad(['--help']);
  expect(status).toBe(0);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  expect(stdout).toContain('handgrad train mlp');
});

test('prints its help on stderr without a command, with the status for wrong usage', async () => {
  const { status, stdout, stderr } = await handgrad([]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain('Usage: handgrad');
});

test.each(COMMANDS)('%s has --help, with --json and --verbose', async (command) => {
  const { status, stdout } = await handgrad([command, '--help']);
  expect(status).toBe(0);
  expect(stdout).toContain(`Usage: handgrad ${command}`);
  expect(stdout).toContain('--json');
  expect(stdout).toContain('--verbose');
});

test.each([
  { args: ['trian'], message: "unknown command 'trian' (Did you mean train?)" },
  { args: ['train'], message: "missing required argument 'recipe'" },
  { args: ['train', 'mpl'], message: 'Allowed choices are line, parabola' },
  { args: ['train', 'mlp', 'softmax'], message: 'too many arguments' },
  { args: ['train', 'mlp', '--epcohs', '3'], message: 'Did you mean --epochs?' },
  { args: ['train', 'mlp', '--epochs'], message: 'argument missing' },
  { args: ['train', 'mlp', '--epochs', '0'], message: "'0' is invalid" },
  { args: ['train', 'mlp', '--epochs', '-1'], message: "'-1' is invalid" },
  { args: ['train', 'mlp', '--epochs', 'ten'], message: "'ten' is invalid" },
  { args: ['train', 'mlp', '--batch-size', '1.5'], message: "'1.5' is invalid" },
  { args: ['train', 'mlp', '--batch-size', '1e400'], message: "'1e400' is invalid" },
  { args: ['train', 'mlp', '--learning-rate', '0'], message: "'0' is invalid" },
  { args: ['train', 'mlp', '--learning-rate', 'NaN'], message: "'NaN' is invalid" },
  { args: ['train', 'mlp', '--seed', '-1'], message: "'-1' is invalid" },
  { args: ['train', 'mlp', '--seed', '4294967296'], message: 'Expected a seed below 4294967296.' },
  { args: ['train', 'mlp', '--threads', '0'], message: "'0' is invalid" },
  { args: ['train', 'mlp', '--backend', 'cuda'], message: 'Allowed choices are auto, wasm' },
  { args: ['train', 'mlp', '--data', ''], message: 'Expected a folder' },
  { args: ['train', 'mlp', '--resume'], message: '--resume needs --out' },
  { args: ['evaluate'], message: "missing required argument 'weights'" },
  { args: ['evaluate', 'w', '--recipe', 'mpl'], message: 'Allowed choices are line' },
  { args: ['predict', 'w'], message: "missing required argument 'images'" },
  { args: ['baseline', '--metric', 'l3'], message: 'Allowed choices are l1, l2' },
  { args: ['baseline', '--digits', '3'], message: 'at least two different digits' },
  { args: ['baseline', '--digits', '3,3'], message: 'at least two different digits' },
  { args: ['baseline', '--digits', '3,10'], message: 'at least two different digits' },
  { args: ['gradcheck', 'linaer'], message: 'Expected one of matmul, linear' },
  { args: ['explain', 'mlp', '--batch-size', '0'], message: "'0' is invalid" },
])('handgrad $args is wrong usage', ({ args, message }) => expectWrongUsage(args, message));

test('an error is one line, followed by the stack with --verbose', async () => {
  const args = ['evaluate', 'no-such-file', '--recipe', 'mlp'];
  const brief = await handgrad(args);
  expect(brief.status).toBe(1);
  expect(brief.stderr).toMatch(/^handgrad: read no-such-file: [^\n]*ENOENT[^\n]*\n$/);
  const verbose = await handgrad([...args, '--verbose']);
  expect(verbose.status).toBe(1);
  expect(verbose.stderr.startsWith(brief.stderr)).toBe(true);
  expect(verbose.stderr).toMatch(/\n {4}at /);
});

test.each([
  ['an error in a timer', "setTimeout(()=>{throw new Error('too\\nlate')},1000)"],
  ['an unhandled rejection', "setTimeout(()=>Promise.reject(new Error('too\\nlate')),1000)"],
  ['a value that is no error', "setTimeout(()=>{throw'too\\nlate'},1000)"],
])('%s is one line, too', async (_, text) => {
  const env = { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(text)}"` };
  const args = ['train', 'mlp-deep', '--data', 'synthetic', '--json'];
  const { status, stderr } = await handgrad(args, { env });
  expect({ status, stderr }).toEqual({ status: 1, stderr: 'handgrad: too late\n' });
});

test('a reader that closes the pipe early, such as head, is not an error', async () => {
  const { stdout, stderr } = await shell('$HANDGRAD explain mlp-deep | head -n 1');
  expect(stdout).toMatch(/^recipe +mlp-deep/);
  expect(stderr).toBe('');
});

test.runIf(process.platform === 'linux')('a full disk behind stdout is an error', async () => {
  const { status, stderr } = await shell('$HANDGRAD explain mlp > /dev/full');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^handgrad: [^\n]*no space left[^\n]*\n$/);
});
