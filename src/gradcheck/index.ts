import type { BackendInfo } from '../backends/runtime.js';
import type { Backend } from '../numerics/backend.js';
import type { OpCases } from '../ops/cases.js';
import { CASES, type OpName } from '../ops/registry.js';
import { didYouMean, expectOptions } from '../options.js';
import { RandomStream, STREAMS } from '../random/threefry.js';
import { type GradientCase, gradientCaseOf, kernelCaseOf, kernelsOf } from './case.js';
import { checkGradients, checkGradientsOn } from './check-gradients.js';
import { compareWithReference } from './compare.js';
import { type Difference, ratioOf, worse } from './difference.js';

export { type Difference, formatDifference, ratioOf } from './difference.js';

/** Options of `gradcheck`. */
export interface GradcheckOptions {
  /**
   * Ops to check; all by default. Each is given as the stem of its file in src/ops, such as
   * `softmax-cross-entropy` (or `softmaxCrossEntropy`), or as the name of one of its kernels.
   */
  readonly ops?: readonly string[];
  /** Seed of the random sizes and values; 0 by default. */
  readonly seed?: number;
  /** Backends to compare with the float64 reference; none by default. */
  readonly backends?: readonly Backend[];
}

/** The result of the checks of one file of src/ops. */
export interface GradcheckResult {
  /** The stem of the file: `linear`. */
  readonly op: string;
  /** Its kernels: `linearForward`, `linearBackwardWeight`, … */
  readonly kernels: readonly OpName[];
  /** Hand-derived gradients against central differences; absent for an op without a gradient. */
  readonly gradients?: Finding;
  /** Kernels of each backend against the float64 reference. */
  readonly backends: readonly (Finding & { readonly backend: BackendInfo })[];
  /**
   * Whether the reference alone is at fault: its gradients disagree with central differences, and those
   * of every other backend agree.
   */
  readonly isReferenceWrong: boolean;
  /** Whether all errors are within their bounds. */
  readonly ok: boolean;
}

/** The element with the largest error relative to its bound. */
export interface Finding {
  readonly worst: Difference;
  /** |got − want| / bound of that element; at most 1 if the check passes. */
  readonly ratio: number;
  readonly ok: boolean;
}

/** Names of all ops that can be checked, in the order of the registry. */
export const GRADCHECK_OPS: readonly string[] = CASES.map(({ name }) => name);

/**
 * Checks hand-derived gradients against central differences in float64, and the kernels of each
 * backend against the float64 reference, on random values and small random sizes.
 *
 * @returns one result per op, in the order of the registry
 * @throws RangeError for an unknown op
 * @example await gradcheck({ ops: ['linear'], backends: [await createBackend('wasm')] })
 */
export async function gradcheck(options: GradcheckOptions = {}): Promise<GradcheckResult[]> {
  expectOptions('gradcheck', options, { ops: 'strings', seed: 'integer', backends: 'array' });
  const { ops, seed = 0, backends = [] } = options;
  const results: GradcheckResult[] = [];
  for (const cases of casesNamed(ops ?? GRADCHECK_OPS)) {
    results.push(await checkCases(cases, seed, backends));
  }
  return results;
}

function casesNamed(names: readonly string[]): OpCases[] {
  const wanted = names.map((name) => {
    const cases = CASES.find((each) => isNamed(each, name));
    if (cases) return cases;
    throw new RangeError(
      `gradcheck: expected ops of ${GRADCHECK_OPS.join(', ')}, got ${name}${didYouMean(name, GRADCHECK_OPS)}`,
    );
  });
  return CASES.filter((cases) => wanted.includes(cases));
}

/** Whether `gradcheck` accepts a name: the stem of a file of src/ops, or one of its ops. */
export function isGradcheckOp(name: string): boolean {
  return CASES.some((cases) => isNamed(cases, name));
}

/** Whether `wanted` is the stem of the file, in kebab or camel case, or one of its kernels. */
function isNamed(cases: OpCases, wanted: string): boolean {
  const stem = wanted.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return stem === cases.name || (kernelsIn(cases) as readonly string[]).includes(wanted);
}

/** The ops that these cases test, which are those of one file. */
export function kernelsIn({ magnitudes }: OpCases): OpName[] {
  return Object.keys(magnitudes) as OpName[];
}

async function checkCases(
  cases: OpCases,
  seed: number,
  backends: readonly Backend[],
): Promise<GradcheckResult> {
  const random = new RandomStream(seed, STREAMS.data);
  const { gradients: declared = [], kernels = [] } = cases.draw(random);
  const differentiable = declared.map((each) => gradientCaseOf(each, random));
  const compared = [
    ...differentiable.map(kernelsOf),
    ...kernels.map((each) => kernelCaseOf(each, random)),
  ];
  const gradients = await worstOf(differentiable, checkGradients);
  const agreements = [];
  for (const backend of backends) {
    const finding = await worstOf(compared, (each) => compareWithReference(each, backend));
    if (finding) agreements.push({ backend: backend.info, ...finding });
  }
  const agree = gradients?.ok ?? true;
  const others = backends.filter(({ info }) => info.backend !== 'reference');
  return {
    op: cases.name,
    kernels: kernelsIn(cases),
    ...(gradients && { gradients }),
    backends: agreements,
    isReferenceWrong: !agree && (await haveRightGradients(differentiable, others)),
    ok: agree && agreements.every((finding) => finding.ok),
  };
}

/** Whether there are backends, and the gradients of all of them agree with central differences. */
async function haveRightGradients(
  cases: readonly GradientCase[],
  backends: readonly Backend[],
): Promise<boolean> {
  for (const backend of backends) {
    const finding = await worstOf(cases, (each) => checkGradientsOn(backend, each));
    if (!finding?.ok) return false;
  }
  return backends.length > 0;
}

async function worstOf<Case>(
  cases: readonly Case[],
  check: (each: Case) => Promise<Difference>,
): Promise<Finding | undefined> {
  let worst: Difference | undefined;
  for (const each of cases) worst = worse(worst, await check(each));
  if (worst === undefined) return undefined;
  const ratio = ratioOf(worst);
  return { worst, ratio, ok: ratio <= 1 };
}
