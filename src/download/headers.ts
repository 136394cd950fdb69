/** The headers that a download is requested with, from a Secret: each key is the name of a header. Pure. */
import type { Result } from '../lib/result.ts';

/** RFC 9110, `token`, as far as the keys of a Secret can be. */
const NAME = /^[A-Za-z0-9_.-]+$/;
/** Visible characters, spaces and tabs. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]+$/;
/** They belong to the connection, or would change what is sent: the file is requested as a whole and as it is. */
const RESERVED: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const MAX_HEADERS = 32;
const MAX_BYTES = 16 * 1024;

/** A line break at the end is left out, as files have one. The problem completes "Secret …" and names no value. */
export function headersIn(
  values: Readonly<Record<string, string>>,
): Result<Readonly<Record<string, string>>> {
  const headers = Object.entries(values).map(([name, value]) => [name, value.replace(/\r?\n$/, '')] as const);
  if (headers.length === 0) return { problem: 'has no keys. Each key is the name of a header.' };
  if (headers.length > MAX_HEADERS) return { problem: `has more than ${MAX_HEADERS} headers.` };
  if (headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > MAX_BYTES)
    return { problem: `has headers of more than ${MAX_BYTES / 1024} KiB.` };
  for (const [name, value] of headers) {
    if (!NAME.test(name) || RESERVED.has(name.toLowerCase()))
      return { problem: `has the key ${name}, which is no header that may be set.` };
    if (!VALUE.test(value))
      return { problem: `has a value under ${name} that cannot be sent in a header: it must be one line.` };
  }
  return { value: Object.fromEntries(headers) };
}
