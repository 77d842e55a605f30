import { BackendError } from '../../../errors.js';
import type { WebgpuOptions } from './options.js';

/** The values of options, checked at run time for programs without type checking. */
const CHOICES = {
  powerPreference: ['low-power', 'high-performance'],
  tiles: ['default', 'measured'],
  precision: ['float32', 'float64', 'f16'],
  subgroups: [true, false],
} as const satisfies { readonly [Name in keyof WebgpuOptions]?: readonly unknown[] };

/** @throws BackendError for an option with an unknown value or the wrong type */
export function checkOptions(options: WebgpuOptions): void {
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value: unknown = options[name as keyof typeof CHOICES];
    if (value !== undefined && !(choices as readonly unknown[]).includes(value)) {
      throw unexpected(name, choices.join(' or '), value);
    }
  }
  const { adapter, dawnToggles } = options as Readonly<Record<string, unknown>>;
  if (adapter !== undefined && typeof adapter !== 'string') {
    throw unexpected('adapter', 'a name', adapter);
  }
  if (dawnToggles !== undefined && !isListOfNames(dawnToggles)) {
    throw unexpected('dawnToggles', 'a list of names', dawnToggles);
  }
}

function isListOfNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function unexpected(option: string, expected: string, value: unknown): BackendError {
  return new BackendError(`webgpu: expected ${option} to be ${expected}, got ${String(value)}`);
}
