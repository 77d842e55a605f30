'use client';

import { openWorker } from 'handgrad/worker';
import { useEffect, useState } from 'react';
import { trainOnServer } from './actions';
import { trainMlp } from './train-mlp';

async function trainInWorker() {
  const library = await openWorker();
  try {
    return await trainMlp(library);
  } finally {
    await library.close();
  }
}

export default function Page() {
  const [result, setResult] = useState('…');
  useEffect(() => {
    async function main() {
      const page = await trainMlp();
      const worker = await trainInWorker().catch((error) => ({ error: String(error) }));
      const route = await (await fetch('/api/train')).json();
      return { page, worker, route, action: await trainOnServer() };
    }
    main().then(
      (value) => setResult(JSON.stringify(value)),
      (error) => setResult(JSON.stringify({ error: String(error) })),
    );
  }, []);
  return <output>{result}</output>;
}
