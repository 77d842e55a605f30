/** How long the URL of a script stays valid: some engines need it until the worker has loaded it. */
const URL_MILLISECONDS = 20_000;

/** Starts a worker of a page from the text of a classic script, whatever the origin of this library. */
export function workerFrom(script: BlobPart): Worker {
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  setTimeout(() => URL.revokeObjectURL(url), URL_MILLISECONDS);
  return new Worker(trusted(url));
}

/** Source: "Trusted Types", W3C. Pages that restrict them allow a policy by its name. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
}

let policy: ReturnType<TrustedTypes['createPolicy']> | undefined;

/** The URL of a script of this library, in the form that a page with Trusted Types accepts. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  policy ??= trustedTypes?.createPolicy('handgrad', { createScriptURL: (ours) => ours });
  return policy?.createScriptURL(url) ?? url;
}
