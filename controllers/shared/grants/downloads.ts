/** Which URLs a namespace may have downloaded. Pure. */
import { askFor, type Grant } from './grants.ts';

/**
 * Whether the grant covers a URL. Host and path are compared after parsing, as whoever fetches the URL reads it, so that
 * neither a name before `@` nor `..` leads around an entry.
 */
export function mayDownload({ downloads }: Pick<Grant, 'downloads'>, url: string): boolean {
  const wanted = parse(url);
  if (!wanted) return false;
  return (
    downloads === 'all' ||
    (!isDisguised(wanted.pathname) && downloads.some((entry) => isWithin(wanted, parse(entry))))
  );
}

/** Why a URL is not downloaded, and whom to ask. It does not repeat the URL, which may have a secret in it. */
export const downloadNotGranted = (grant: Grant): string =>
  `VMImages of namespace ${grant.namespace} may not download from this URL to Provider ${grant.provider}. Correct spec.download.url, or ${askFor('downloads', grant)}.`;

/** URLs with a name or a password in them are not supported: they end up in logs. */
function parse(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === '' && url.password === '';
  return isPlain && /^https?:$/.test(url.protocol) ? url : undefined;
}

/** A prefix ends where a part of the path does: `/images` has `/images/a.qcow2`, and not `/images-of-others`. */
function isWithin(wanted: URL, entry: URL | undefined): boolean {
  if (entry?.origin !== wanted.origin) return false;
  const prefix = entry.pathname.endsWith('/') ? entry.pathname : `${entry.pathname}/`;
  return wanted.pathname === entry.pathname || wanted.pathname.startsWith(prefix);
}

const MAX_ENCODINGS = 4;

/** Some servers decode a path before they follow `..` in it, and some do so more than once. */
function isDisguised(path: string): boolean {
  let decoded = path;
  for (let n = 0; n < MAX_ENCODINGS; n += 1) {
    const next = decodeOnce(decoded);
    if (next === undefined) return true;
    if (next === decoded) return decoded.split(/[/\\]/).includes('..');
    decoded = next;
  }
  return true;
}

function decodeOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
