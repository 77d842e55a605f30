import { availableParallelism, cpus, totalmem } from 'node:os';
import { Command } from 'commander';
import { relaxedSimd, simd, threads } from 'wasm-feature-detect';
import { createBackend } from '../backends/create.js';
import type { BackendInfo, BackendName } from '../backends/device.js';
import { supportedBuilds } from '../backends/wasm/module.js';
import { type AdapterReport, listAdapters, openAdapter } from '../backends/webgpu/adapter.js';
import { defaultCacheFolder } from '../cache-folder.js';
import { loadMnist } from '../data/mnist.js';
import { reasonOf } from '../errors.js';
import { formatBackend } from './backend.js';
import type { JsonOption } from './options.js';
import { formatBytes, formatCount, formatCounted } from './output/format.js';
import { print, printJson } from './output/print.js';
import { VERSION } from './version.js';

export function infoCommand(): Command {
  return new Command('info')
    .description('Say what this machine offers, and why something is missing.')
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
    /** Builds of the core that this engine runs, best first. */
    builds: await supportedBuilds(),
  };
}

/** What bounds a step on a GPU: bytes of a tensor, and of a workgroup's memory and invocations. */
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

/** The system's GPUs. */
interface Gpus {
  readonly found: boolean;
  /** The one that is taken, if none is named. */
  readonly adapter?: string;
  readonly limits?: Limits;
  /** What to know about it, a sentence each. */
  readonly notes?: readonly string[];
  readonly isSoftware?: boolean;
  /** Why there is none, and how to get it. */
  readonly reason?: string;
  /** All that WebGPU offers, whether or not kernels run on them. */
  readonly adapters: readonly Gpu[];
}

async function inspectWebgpu(): Promise<Gpus> {
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
  // Where there is no WebGPU at all, opening an adapter says so.
  const reports = await listAdapters().catch(() => []);
  return reports.map((report) => ({ ...report, limits: pickLimits(report.limits) }));
}

function pickLimits(limits: GPUSupportedLimits): Limits {
  return Object.fromEntries(LIMITS.map((name) => [name, limits[name]])) as Limits;
}

/** Backends that `auto` may end on: the one that it begins with first. */
interface Auto {
  readonly considers: readonly BackendName[];
  /** Why not more, if so. */
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
  if (!wasm.simd) reasons.push('SIMD: the engine lacks it; without it only the reference runs');
  if (!wasm.relaxedSimd) {
    reasons.push('relaxed SIMD: the engine lacks it; Node 22 and later have it, and train faster');
  }
  if (!wasm.threads) reasons.push('WASM threads: the engine has no shared memory');
  return reasons;
}

/** Where MNIST is. */
interface MnistPlace {
  readonly folder: string;
  readonly cacheFolder: string;
  readonly found: boolean;
  readonly trainSize?: number;
  readonly testSize?: number;
  /** Why it is not found, and how to get it. */
  readonly reason?: string;
}

/** Reads and checks MNIST where it is expected; nothing is downloaded. */
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

/** The GPU's name and limits, or that there is none; "missing" then states the reason. */
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

/** Lines below each other, right of the labels. */
function inColumn(lines: readonly string[]): string {
  return lines.join(`\n${' '.repeat(14)}`);
}

function formatLargest({ maxBufferSize, maxStorageBufferBindingSize }: Limits): string {
  return formatBytes(Math.min(maxBufferSize, maxStorageBufferBindingSize));
}

function formatAuto({ considers: [first, ...others], reason }: Auto): string {
  if (reason !== undefined) return `${first} alone, since ${reason}`;
  return `begins on ${first}, times a training step on ${others.join()} too, and keeps the faster`;
}

function formatMnist({ found, folder, trainSize = 0, testSize = 0 }: MnistPlace): string {
  if (!found) return 'not on this machine';
  return `${formatCount(trainSize)} training and ${formatCount(testSize)} test images in ${folder}`;
}

function yesOrNo(has: boolean): string {
  return has ? 'yes' : 'no';
}
