import type { Normalization } from '../../data/dataset.js';

/** Metadata of a file of weights: its origin, as PyTorch writes it, and the normalisation. */
export function metadataOf(normalization: Normalization | undefined): Record<string, string> {
  const metadata: Record<string, string> = { format: 'pt' };
  if (normalization) metadata.normalization = JSON.stringify(normalization);
  return metadata;
}

/** The normalisation in a file's metadata; undefined for files without one, such as PyTorch's. */
export function normalizationOf(
  metadata: Readonly<Record<string, string>>,
): Normalization | undefined {
  try {
    const { mean, std } = JSON.parse(metadata.normalization ?? '{}');
    return Number.isFinite(mean) && std > 0 ? { mean, std } : undefined;
  } catch {
    return undefined;
  }
}
