/* Uses of the API that need Node's types. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Trainer } from 'handgrad';
import { gunzip } from 'handgrad/data';

export async function keep(trainer: Trainer): Promise<number> {
  await writeFile('weights.safetensors', await trainer.encode());
  await trainer.decode(await readFile('weights.safetensors'));
  await trainer.load(new URL('file:///weights.safetensors'));
  const bytes = await gunzip(new Uint8Array(await readFile('train.gz')), 'train.gz');
  const { train } = await import('handgrad');
  await trainer.fit({} as never, { epochs: 1, signal: AbortSignal.timeout(1000) });
  return bytes.length + train.length;
}
