import { Argument, Command } from 'commander';
import type { Backend } from '../backends/backend.js';
import { createBackend } from '../backends/create.js';
import { supportedBuilds } from '../backends/wasm/module.js';
import {
  type Finding,
  formatDifference,
  GRADCHECK_OPS,
  type GradcheckResult,
  gradcheck,
} from '../gradcheck/index.js';
import { formatBackend } from './backend.js';
import { FAILURE } from './failure.js';
import { type JsonOption, nonNegativeInteger } from './options.js';
import { note, print, printJson } from './output.js';
import { formatTable } from './table.js';

interface GradcheckOptions extends JsonOption {
  readonly seed: number;
}

export function gradcheckCommand(): Command {
  return new Command('gradcheck')
    .description(
      'Check hand-derived gradients against differences, and backends against the reference.',
    )
    .addArgument(
      new Argument('[ops...]', 'what to check (default: everything)').choices(GRADCHECK_OPS),
    )
    .option('--seed <seed>', 'draws sizes and values', nonNegativeInteger, 0)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nErrors are shown as a share of what is allowed: above 1 is a failure, and exits with status 1.',
    )
    .action(check);
}

async function check(ops: readonly string[], { seed, json }: GradcheckOptions): Promise<void> {
  const backends = await startBackends();
  try {
    const results = await gradcheck({ seed, backends, ...(ops.length > 0 && { ops }) });
    const ok = results.every((result) => result.ok);
    if (json) printJson({ seed, ok, results });
    else print(formatResults(results, backends));
    if (!ok) process.exitCode = FAILURE;
  } finally {
    for (const backend of backends) await backend.close();
  }
}

/** Every build that this engine runs, and the float32 reference. */
async function startBackends(): Promise<Backend[]> {
  const builds = await supportedBuilds();
  if (builds.length === 0)
    note('the engine has no WebAssembly SIMD: only the reference is checked');
  const wasm = builds.map((build) => createBackend('wasm', { build }));
  return Promise.all([...wasm, createBackend('reference', { precision: 'float32' })]);
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

/** The worst error as a share of what is allowed; a dash for an op without a gradient. */
function formatFinding(finding: Finding | undefined): string {
  if (!finding) return '–';
  const { ratio } = finding;
  return ratio > 0 && ratio < 0.001 ? '< 0.001' : ratio.toFixed(3);
}

function failuresOf({ gradients, backends }: GradcheckResult): string[] {
  const derived = gradients && !gradients.ok ? [formatDifference(gradients.worst)] : [];
  const computed = backends
    .filter(({ ok }) => !ok)
    .map(({ backend, worst }) => `${formatBackend(backend)}: ${formatDifference(worst)}`);
  return [...derived, ...computed];
}
