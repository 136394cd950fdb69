/** Parses the address of a PVE API in all forms that users write. */

const EXAMPLE = 'Use the form https://pve.example.com:8006.';
const API_PATH = /^\/(api2(\/(json\/?)?)?)?$/;
const EXPLICIT_PORT = /^https?:\/\/(\[[^\]]*\]|[^/?#:]*):\d+([/?#]|$)/i;

/** PVE's port, used for an https address without a port. */
const DEFAULT_PORT = '8006';

export type NormalisedEndpoint =
  { readonly ok: true; readonly origin: string } | { readonly ok: false; readonly problem: string };

const refuse = (problem: string): NormalisedEndpoint => ({ ok: false, problem: `${problem} ${EXAMPLE}` });

function problemOf(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '')
    return 'The endpoint contains a user name or password. Set them as credentials.';
  if (url.search !== '' || url.hash !== '')
    return 'The endpoint has a query or a fragment, which the Proxmox VE API does not use.';
  if (!API_PATH.test(url.pathname.replace(/\/+/g, '/')))
    return `The endpoint has the path ${url.pathname}. Only /api2/json may follow the port.`;
  return undefined;
}

/**
 * Returns the origin of a PVE API, for example `https://pve.example.com:8006`. The address may end in `/api2`,
 * `/api2/json` or slashes. Two endpoints are the same server if and only if their origins are equal.
 */
export function normaliseEndpoint(text: string): NormalisedEndpoint {
  const trimmed = text.trim();
  // Messages never contain the text itself: it may contain a password.
  if (!/^https?:\/\//i.test(trimmed)) return refuse('The endpoint is not an https address.');
  const url = URL.parse(trimmed);
  if (!url) return refuse('The endpoint is not a valid address.');
  const problem = problemOf(url);
  if (problem !== undefined) return refuse(problem);
  if (url.protocol === 'https:' && !EXPLICIT_PORT.test(trimmed)) url.port = DEFAULT_PORT;
  return { ok: true, origin: url.origin };
}
