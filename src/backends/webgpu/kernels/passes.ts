/** Workgroups in x, y and z. */
export type Workgroups = readonly [x: number, y?: number, z?: number];

/** One dispatch. */
export interface Pass {
  readonly entryPoint: string;
  readonly workgroups: Workgroups;
  /** Values of the shader's `override` constants, where they are not its own. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Where it is not the kernel's: see `productShader`. */
  readonly shader?: string;
}

/** What a call runs: passes with the same bindings, one after the other. */
export interface Plan {
  readonly passes: readonly Pass[];
  /** Bytes of the buffer in which a pass leaves numbers for the next: what the shader sees of it. */
  readonly scratch: number;
}

/** Invocations of a workgroup where each works on elements of its own. */
export const WORKGROUP = 256;
/** The most workgroups along one axis that every device offers. */
export const MOST_GROUPS = 65_535;

/** One invocation per element, in two axes where one is too short. */
export function perElement(count: number): Workgroups {
  return inTwoAxes(Math.ceil(count / WORKGROUP));
}

/** At least `groups` workgroups, in two axes where one is too short. */
export function inTwoAxes(groups: number): Workgroups {
  const rows = Math.ceil(groups / MOST_GROUPS);
  return [Math.ceil(groups / rows), rows];
}

/** `sums` computes `size` elements, each in parts; where there are several, `sum` adds them up. */
export function inParts(parts: number, size: number, sums: Pass, sum: Pass): Plan {
  if (parts === 1) return { passes: [sums], scratch: 0 };
  return { passes: [sums, sum], scratch: 4 * parts * size };
}
