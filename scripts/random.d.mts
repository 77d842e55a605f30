/** Random numbers from 0 to 1 of a seed. */
export function randomOf(seed: number): () => number;
