import type { Layer, Schedule } from '../../src/index.js';

export function square(options: { readonly features: number }): Layer;

export function falling(options: {
  readonly rate: number;
  readonly [other: string]: unknown;
}): Schedule;
