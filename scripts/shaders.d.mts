export function readShaders(
  folder?: string,
): Record<string, { readonly requires: readonly string[]; readonly text: string }>;
export function requiredBy(source: string): string[];
