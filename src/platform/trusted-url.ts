/** Source: "Trusted Types", W3C. Pages that restrict them allow a policy by its name. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

interface Policy {
  createScriptURL(url: string): string;
}

let policy: Policy | undefined;

/** The URL of a script of this library, in the form that a page with Trusted Types accepts. */
export function trustedUrl(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  try {
    policy ??= trustedTypes?.createPolicy('handgrad', { createScriptURL: (ours) => ours });
  } catch {
    // The page lists other policies. Plain URLs work unless it also requires trusted ones.
  }
  return policy?.createScriptURL(url) ?? url;
}
