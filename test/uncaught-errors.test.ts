/* What Node prints when a program does not catch an error of the package: the line, then the stack. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inNode } from './backends/in-node.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What a program prints on stderr when it ends with an error. */
async function stderrOf(text: string): Promise<string> {
  const failure = inNode(text, ROOT).then(
    () => undefined,
    (error: { stderr: string }) => error.stderr,
  );
  return (await failure) ?? 'the program did not fail';
}

const IMPORTS = `import * as h from './dist/index.js'; import * as data from './dist/data.js';`;

const PROGRAMS: readonly (readonly [start: string, text: string, frame: string])[] = [
  ['ShapeError: linear', 'h.linear(-1, 3);', 'Linear'],
  ['ShapeError: conv2d', 'h.conv2d(1, 1, 0);', 'conv2d'],
  [
    'ShapeError: matmul',
    `const b = await h.createBackend('reference');
     await b.matmul([1, 2], [3], { m: 1, n: 1, k: 1 });`,
    'SingleOps.matmul',
  ],
  ['DataError: read MNIST', `await data.loadMnist({ directory: '/none' });`, 'loadMnist'],
  ['BackendError: createBackend', `await h.createBackend('cuda');`, 'createBackend'],
  ['TypeError: createBackend', `await h.createBackend('webgpu', { tiles: 'none' });`, 'expectKind'],
  [
    'TrainingError: fit',
    `const trainer = new h.Trainer(await h.createBackend('wasm', { threads: 1 }), {
       model: h.sequential(h.linear(1, 1)), loss: h.squaredError(),
       optimizer: h.sgd({ learningRate: 1e30 }), batchSize: 1,
     });
     await trainer.fit({
       name: 'one', size: 1, features: 1, classes: 0, normalization: { mean: 0, std: 1 },
       inputs: Float32Array.of(1), targets: Float32Array.of(1),
     }, { epochs: 50 });`,
    'Trainer.fit',
  ],
];

describe('an uncaught error', () => {
  it.each(PROGRAMS)(
    '%s: prints its place, class and message, and no more',
    async (start, text, frame) => {
      const stderr = await stderrOf(`${IMPORTS}\n${text}`);
      expect(stderr.length, stderr).toBeLessThan(2048);
      const [place, line] = stderr.split('\n');
      expect(place).toMatch(/^file:\/\/\S+\/dist\/[\w-]+\.js:\d+$/);
      expect(line).toMatch(/\bthrow |\breject\(|\bnew \w+Error\(/);
      expect(stderr).toMatch(new RegExp(`^${start}\\b.*expected `, 'm'));
      expect(stderr).toMatch(new RegExp(`^ {4}at (async |new |Module\\.)*${frame} \\(file:`, 'm'));
    },
  );
});

/** Whether a line only defines a string or the shaders, so that nothing in it can throw. */
const isLiteral = (line: string) =>
  /^ *(var )?[\w$.]+ = ("[\w+/=]*"|\{ accuracy: \{ requires: .*)[;,]?$/.test(line);

describe('the code of the package', () => {
  it('has short lines, apart from shaders and WebAssembly, and a source map', async () => {
    const files = (await readdir(`${ROOT}dist`)).filter((name) => name.endsWith('.js'));
    for (const name of files) {
      const text = await readFile(`${ROOT}dist/${name}`, 'utf8');
      if (name === 'cli.js') continue;
      const lines = text.split('\n').filter((line) => !isLiteral(line));
      expect(Math.max(...lines.map(({ length }) => length)), name).toBeLessThan(1000);
      if (name !== 'inline.js' && name !== 'handgrad-host.js') {
        expect(text, name).toMatch(/\n\/\/# sourceMappingURL=[\w-]+\.js\.map\n$/);
      }
    }
  });
});
