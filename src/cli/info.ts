import { execFile } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { relaxedSimd, simd, threads } from 'wasm-feature-detect';
import type { BackendInfo, BackendName } from '../backends/runtime.js';
import { supportedBuilds } from '../backends/wasm/module.js';
import {
  type AdapterReport,
  listAdapters,
  openAdapter,
} from '../backends/webgpu/adapter/adapter.js';
import { softwareAdapter } from '../backends/webgpu/adapter/probe.js';
import { loadMnist } from '../data/mnist.js';
import { reasonOf } from '../errors.js';
import { createBackend } from '../numerics/create-backend.js';
import { defaultCacheFolder } from '../platform/cache-folder.js';
import { formatBackend } from './backend.js';
import type { JsonOption } from './options.js';
import { formatBytes, formatCount, formatCounted } from './output/format.js';
import { print, printJson } from './output/print.js';
import { VERSION } from './version.js';

export function infoCommand(): Command {
  return new Command('info')
    .description('Show what this machine supports, and the reason for anything missing.')
    .option('--json', 'print one JSON object')
    .action(info);
}

async function info({ json }: JsonOption): Promise<void> {
  const machine = await inspect();
  if (json) printJson(machine);
  else print(formatMachine(machine));
}

type Machine = Awaited<ReturnType<typeof inspect>>;
type Wasm = Awaited<ReturnType<typeof inspectWasm>>;

async function inspect() {
  const wasm = await inspectWasm();
  const backend = await createBackend('auto');
  await backend.close();
  const webgpu = await inspectWebgpu();
  const mnist = await inspectMnist();
  const rejected = webgpu.adapters
    .map((gpu) => gpu.rejected)
    .filter((reason) => reason !== undefined && !webgpu.reason?.includes(reason));
  const missing = [...whyMissing(wasm), webgpu.reason, ...rejected, mnist.reason].filter(
    (reason) => reason !== undefined,
  );
  return {
    handgrad: VERSION,
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    wasm,
    webgpu,
    backend: backend.info,
    auto: consider(backend.info, webgpu),
    mnist,
    missing,
  };
}

async function inspectWasm() {
  return {
    simd: await simd(),
    relaxedSimd: await relaxedSimd(),
    threads: await threads(),
    /** Builds of the WASM core that this engine runs, the fastest first. */
    builds: await supportedBuilds(),
  };
}

/** Limits that matter for a step on a GPU: sizes in bytes, and invocations of a workgroup. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxStorageBuffersPerShaderStage',
] as const;

type Limits = Readonly<Record<(typeof LIMITS)[number], number>>;

interface Gpu extends Omit<AdapterReport, 'limits'> {
  readonly limits: Limits;
}

/** GPUs of this machine. */
interface Gpus {
  readonly found: boolean;
  /** Name of the default adapter. */
  readonly adapter?: string;
  readonly limits?: Limits;
  /** Remarks about the default adapter, one sentence each. */
  readonly notes?: readonly string[];
  readonly isSoftware?: boolean;
  /** Why no adapter is usable, and the remedy. */
  readonly reason?: string;
  /** All adapters, including those whose limits are too low. */
  readonly adapters: readonly Gpu[];
}

/** Set in the subprocess that inspects GPUs. */
const IS_SUBPROCESS = 'HANDGRAD_INFO_SUBPROCESS';

/** Dawn writes warnings about some software adapters to stderr, so a subprocess opens those. */
async function inspectWebgpu(): Promise<Gpus> {
  if (process.env[IS_SUBPROCESS] || (await softwareAdapter()) === undefined) return openGpus();
  const env = { ...process.env, [IS_SUBPROCESS]: '1' };
  const args = [process.argv[1], 'info', '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return JSON.parse(stdout).webgpu;
}

async function openGpus(): Promise<Gpus> {
  const adapters = await listGpus();
  try {
    const { device, info, isSoftware, close } = await openAdapter();
    const limits = pickLimits(device.limits);
    await close();
    const { build: adapter, notes } = info;
    return { found: true, adapter, limits, notes, isSoftware, adapters };
  } catch (error) {
    const reason = `WebGPU: ${reasonOf(error).replace(/^webgpu: /, '')}`;
    return { found: false, reason, adapters };
  }
}

async function listGpus(): Promise<readonly Gpu[]> {
  // If WebGPU itself is missing, opening an adapter reports it.
  const reports = await listAdapters().catch(() => []);
  return reports.map((report) => ({ ...report, limits: pickLimits(report.limits) }));
}

function pickLimits(limits: GPUSupportedLimits): Limits {
  return Object.fromEntries(LIMITS.map((name) => [name, limits[name]])) as Limits;
}

/** Backends that `auto` chooses from. It starts on the first. */
interface Auto {
  readonly considers: readonly BackendName[];
  /** Why there is only one. */
  readonly reason?: string;
}

export function consider({ backend }: Pick<BackendInfo, 'backend'>, gpus: Gpus): Auto {
  const { found, adapter, isSoftware, reason } = gpus;
  if (!found) return { considers: [backend], ...(reason !== undefined && { reason }) };
  if (isSoftware) return { considers: [backend], reason: `${adapter} computes on the CPU` };
  return { considers: [backend, 'webgpu'] };
}

function whyMissing(wasm: Wasm): string[] {
  const reasons: string[] = [];
  if (!wasm.simd) reasons.push('SIMD: this engine has none, so only the reference backend runs');
  if (!wasm.relaxedSimd) {
    reasons.push('relaxed SIMD: this engine has none; Node 22 and later have it and train faster');
  }
  if (!wasm.threads) reasons.push('WASM threads: this engine has no shared memory');
  return reasons;
}

/** Location of the MNIST files. */
interface MnistPlace {
  readonly folder: string;
  readonly cacheFolder: string;
  readonly found: boolean;
  readonly trainSize?: number;
  readonly testSize?: number;
  /** Why the files were not found, and the remedy. */
  readonly reason?: string;
}

/** Reads and checks the MNIST files. Downloads nothing. */
async function inspectMnist(): Promise<MnistPlace> {
  const cacheFolder = await defaultCacheFolder();
  const folder = process.env.HANDGRAD_MNIST || cacheFolder;
  const place = { folder, cacheFolder };
  try {
    const { train, test } = await loadMnist({ download: false });
    return { ...place, found: true, trainSize: train.size, testSize: test.size };
  } catch (error) {
    return { ...place, found: false, reason: `MNIST: ${reasonOf(error)}` };
  }
}

function formatMachine(machine: Machine): string {
  const { cores, memoryBytes, wasm, webgpu, mnist, missing } = machine;
  const lines = [
    `handgrad      ${machine.handgrad}`,
    `engine        Node ${machine.node}, V8 ${machine.v8}`,
    `platform      ${machine.platform}`,
    `cpu           ${machine.cpu}, ${formatCounted(cores, 'core')}, ${formatBytes(memoryBytes)}`,
    `SIMD          ${yesOrNo(wasm.simd)}`,
    `relaxed SIMD  ${yesOrNo(wasm.relaxedSimd)}`,
    `WASM threads  ${yesOrNo(wasm.threads)}`,
    `WASM builds   ${wasm.builds.join(', ') || 'none'}`,
    `GPU           ${formatGpu(webgpu)}`,
    `adapters      ${inColumn(webgpu.adapters.map(formatAdapter)) || 'none'}`,
    `backend       ${formatBackend(machine.backend)}`,
    `auto          ${formatAuto(machine.auto)}`,
    `MNIST         ${formatMnist(mnist)}`,
    `cache         ${mnist.cacheFolder}`,
  ];
  if (missing.length > 0) lines.push('', 'missing', ...missing.map((reason) => `  ${reason}`));
  return lines.join('\n');
}

/** The GPU's name and limits. If there is none, the section "missing" states the reason. */
export function formatGpu({ adapter, limits, notes = [], adapters }: Gpus): string {
  if (adapter === undefined || limits === undefined) {
    return adapters.length > 0 ? 'none that kernels can run on: see below' : 'none: see below';
  }
  return inColumn([`${adapter}, tensors of up to ${formatLargest(limits)}`, ...notes]);
}

/** `NVIDIA H200 (hardware, vulkan, …): timestamp-query, subgroups; 1024 invocations, …`. */
function formatAdapter(gpu: Gpu): string {
  const { name, api, isSoftware, description, features, limits } = gpu;
  const parts = [isSoftware ? 'software' : 'hardware', api, description];
  const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupStorageSize } = limits;
  return [
    `${name} (${parts.filter((part) => part).join(', ')}): ` +
      (features.join(', ') || 'no optional features'),
    `${formatCounted(maxComputeInvocationsPerWorkgroup, 'invocation')} and ` +
      `${formatBytes(maxComputeWorkgroupStorageSize)} per workgroup`,
    `tensors of up to ${formatLargest(limits)}`,
  ].join('; ');
}

/** Aligns lines in the column to the right of the labels. */
function inColumn(lines: readonly string[]): string {
  return lines.join(`\n${' '.repeat(14)}`);
}

function formatLargest({ maxBufferSize, maxStorageBufferBindingSize }: Limits): string {
  return formatBytes(Math.min(maxBufferSize, maxStorageBufferBindingSize));
}

function formatAuto({ considers: [first, ...others], reason }: Auto): string {
  if (reason !== undefined) return `only ${first} (${reason})`;
  return `starts on ${first}, then times a training step on ${others.join()} too and keeps the faster`;
}

function formatMnist({ found, folder, trainSize = 0, testSize = 0 }: MnistPlace): string {
  if (!found) return 'not on this machine';
  return `${formatCount(trainSize)} training and ${formatCount(testSize)} test images in ${folder}`;
}

function yesOrNo(has: boolean): string {
  return has ? 'yes' : 'no';
}
