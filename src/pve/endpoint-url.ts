/** The address of a PVE API in the forms people write it in. */

const EXAMPLE = 'Write it like https://pve.example.com:8006.';
const API_PATH = /^\/(api2(\/(json\/?)?)?)?$/;
const EXPLICIT_PORT = /^https?:\/\/(\[[^\]]*\]|[^/?#:]*):\d+([/?#]|$)/i;

/** PVE's own port; an https address without a port means this one. */
const DEFAULT_PORT = '8006';

export type NormalisedEndpoint =
  { readonly ok: true; readonly origin: string } | { readonly ok: false; readonly problem: string };

const refuse = (problem: string): NormalisedEndpoint => ({ ok: false, problem: `${problem} ${EXAMPLE}` });

function problemOf(url: URL): string | undefined {
  if (url.username !== '' || url.password !== '')
    return 'The endpoint contains a user name or password: give them as credentials.';
  if (url.search !== '' || url.hash !== '')
    return 'The endpoint has a query or a fragment, which Proxmox VE does not know.';
  if (!API_PATH.test(url.pathname.replace(/\/+/g, '/')))
    return `The endpoint has the path ${url.pathname}, but only /api2/json may follow the port.`;
  return undefined;
}

/**
 * The origin of a PVE API, for example `https://pve.example.com:8006`, from its address with or without `/api2`,
 * `/api2/json` and trailing slashes. Two endpoints are the same server exactly if their origins are equal.
 */
export function normaliseEndpoint(text: string): NormalisedEndpoint {
  const trimmed = text.trim();
  // The text itself is never repeated: someone may have written a password into it.
  if (!/^https?:\/\//i.test(trimmed)) return refuse('The endpoint is no https address.');
  const url = URL.parse(trimmed);
  if (!url) return refuse('The endpoint is not a valid address.');
  const problem = problemOf(url);
  if (problem !== undefined) return refuse(problem);
  if (url.protocol === 'https:' && !EXPLICIT_PORT.test(trimmed)) url.port = DEFAULT_PORT;
  return { ok: true, origin: url.origin };
}
