/* Uses of the API that need the types of the DOM. */
import type { Trainer } from 'handgrad';
import { loadMnist } from 'handgrad/data';

export async function download(trainer: Trainer, handle: FileSystemFileHandle): Promise<string> {
  await trainer.save(handle);
  await trainer.load(new URL('weights.safetensors', document.baseURI));
  const { signal } = new AbortController();
  const { train } = await loadMnist({ signal, fetch });
  await trainer.fit(train, { epochs: 1, signal });
  return URL.createObjectURL(new Blob([await trainer.encode()]));
}
