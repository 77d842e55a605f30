import { Argument, Command, InvalidArgumentError } from 'commander';
import type { BackendName } from '../backends/runtime.js';
import { supportedBuilds } from '../backends/wasm/module.js';
import { BackendError, reasonOf } from '../errors.js';
import {
  type Finding,
  formatDifference,
  GRADCHECK_OPS,
  type GradcheckResult,
  gradcheck,
  isGradcheckOp,
} from '../gradcheck/index.js';
import type { Backend } from '../numerics/backend.js';
import { createBackend } from '../numerics/create-backend.js';
import { formatBackend } from './backend.js';
import { FAILURE } from './failure.js';
import { newerSource } from './newer-source.js';
import {
  addAdapterOption,
  EVERY_BACKEND,
  type JsonOption,
  list,
  oneOf,
  seedNumber,
} from './options.js';
import { note, print, printJson } from './output/print.js';
import { formatTable } from './output/table.js';

interface GradcheckOptions extends JsonOption {
  readonly seed: number;
  readonly backends?: readonly BackendName[];
  readonly adapter?: string;
}

const OPS_HELP = `ops to check, by file or by name, such as linear or linearForward (default: all; files: ${GRADCHECK_OPS.join(', ')})`;

/** Adds an argument to the ops given so far. */
function addOp(name: string, ops: readonly string[] = []): string[] {
  if (!isGradcheckOp(name)) {
    throw new InvalidArgumentError(
      `Expected one of ${GRADCHECK_OPS.join(', ')}, or one of their ops.`,
    );
  }
  return [...ops, name];
}

export function gradcheckCommand(): Command {
  const command = new Command('gradcheck')
    .description(
      'Check hand-derived gradients against central differences, and backends against the reference.',
    )
    .addArgument(new Argument('[ops...]', OPS_HELP).argParser(addOp))
    .option('--seed <seed>', 'seed of the random sizes and values', seedNumber, 0)
    .option(
      '--backends <list>',
      `backends to compare with the reference: ${EVERY_BACKEND.join(', ')} (default: all available)`,
      list(oneOf(EVERY_BACKEND)),
    )
    .option('--json', 'print one JSON object');
  return addAdapterOption(command)
    .addHelpText(
      'after',
      '\nThe table shows the largest error of each op as a share of its tolerance. Above 1, the check fails.',
    )
    .action(check);
}

async function check(ops: readonly string[], options: GradcheckOptions): Promise<void> {
  const { seed, json } = options;
  const newer = await newerSource();
  if (newer) note(`${newer} is newer than the build that is checked; run npm run build`);
  const backends: Backend[] = [];
  try {
    await startBackends(backends, options);
    const results = await gradcheck({ seed, backends, ...(ops.length > 0 && { ops }) });
    const ok = results.every((result) => result.ok);
    if (json) printJson({ seed, ok, results });
    else print(formatResults(results, backends));
    if (!ok) process.exitCode = FAILURE;
  } finally {
    for (const backend of backends) await backend.close();
  }
}

/**
 * Adds the named backends to `started`, or else all that are available: every WASM build that this
 * engine runs, a GPU (hardware or software), and the float32 reference.
 *
 * @throws BackendError when a named backend or adapter is missing
 */
async function startBackends(
  started: Backend[],
  { backends: named, adapter }: GradcheckOptions,
): Promise<void> {
  for (const name of named ?? EVERY_BACKEND) {
    try {
      started.push(...(await startEach(name, adapter)));
    } catch (error) {
      const isRequired = named !== undefined || (name === 'webgpu' && adapter !== undefined);
      if (isRequired || !(error instanceof BackendError)) throw error;
      note(`skipping ${name}: ${reasonOf(error).replace(`${name}: `, '')}`);
    }
  }
}

/** @throws BackendError when the backend is missing */
async function startEach(name: BackendName, adapter: string | undefined): Promise<Backend[]> {
  if (name === 'reference') return [await createBackend('reference', { precision: 'float32' })];
  if (name === 'webgpu') {
    return [await createBackend('webgpu', adapter === undefined ? {} : { adapter })];
  }
  const builds = await supportedBuilds();
  // createBackend reports why no build runs.
  if (builds.length === 0) return [await createBackend('wasm')];
  return Promise.all(builds.map((build) => createBackend('wasm', { build })));
}

function formatResults(results: readonly GradcheckResult[], backends: readonly Backend[]): string {
  const names = backends.map(({ info }) => formatBackend(info));
  const rows = results.map((result) => [
    result.op,
    formatFinding(result.gradients),
    ...backends.map(({ info }) =>
      formatFinding(result.backends.find(({ backend }) => backend === info)),
    ),
    result.ok ? 'ok' : 'FAILED',
  ]);
  const table = formatTable(['op', 'gradients', ...names, ''], rows, ['left', 'right']);
  return [table, ...results.flatMap(failuresOf)].join('\n');
}

/** The largest error as a share of its tolerance; a dash for an op without a gradient. */
function formatFinding(finding: Finding | undefined): string {
  if (!finding) return '–';
  const { ratio } = finding;
  return ratio > 0 && ratio < 0.001 ? '< 0.001' : ratio.toFixed(3);
}

function failuresOf({ op, gradients, backends, isReferenceWrong }: GradcheckResult): string[] {
  const derived = gradients && !gradients.ok ? [formatDifference(gradients.worst)] : [];
  if (isReferenceWrong) {
    const others = 'the other backends agree with central differences';
    return derived.map((text) => `the reference of src/ops/${op}.ts is wrong, ${others}: ${text}`);
  }
  const computed = backends
    .filter(({ ok }) => !ok)
    .map(({ backend, worst }) => `${formatBackend(backend)}: ${formatDifference(worst)}`);
  return [...derived, ...computed];
}
