import busboy from 'busboy';
import { refused } from './errors.ts';
import type { IncomingMessage } from 'node:http';
import type { UploadedFile } from './call.ts';
import type { Value } from './schema/verify.ts';

const MAX_BODY = 512 * 1024;

export interface Body {
  readonly params: Record<string, Value>;
  readonly file: UploadedFile | undefined;
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/** PVE splits pairs at `&` and `;`, and drops what follows a second `=`. A repeated key makes a list. */
export function parseForm(text: string): Record<string, Value> {
  const params: Record<string, Value> = {};
  for (const pair of text.split(/[&;]/)) {
    if (pair === '') continue;
    const [name = '', value = ''] = pair.split('=').map(unescape);
    if (name === '_dc') continue;
    const before = params[name];
    params[name] =
      before === undefined ? value : [...(typeof before === 'string' ? [before] : before), value];
  }
  return params;
}

/** Reads the complete body of a request. */
export async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Only the fields before the file are used: PVE parses the form as it arrives. */
function readMultipart(request: IncomingMessage): Promise<Body> {
  return new Promise((resolve, reject) => {
    const params: Record<string, Value> = {};
    let file: UploadedFile | undefined;
    const form = busboy({ headers: request.headers, preservePath: true });
    form.on('field', (name, value) => {
      if (!file) params[name] = value;
    });
    form.on('file', (field, stream, { filename }) => {
      const chunks: Buffer[] = [];
      const name = String(filename);
      if (field === 'filename') file = { name, data: Buffer.alloc(0) };
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (field === 'filename') file = { name, data: Buffer.concat(chunks) };
      });
    });
    form.on('error', reject);
    form.on('close', () => resolve({ params: file ? { ...params, filename: file.name } : params, file }));
    request.pipe(form);
  });
}

function parseJson(text: string): Record<string, Value> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refused(400, 'Bad Request');
  }
  if (parsed === null || typeof parsed !== 'object') return {};
  const value = (one: unknown): string => (one === true ? '1' : one === false ? '0' : String(one));
  return Object.fromEntries(
    Object.entries(parsed).map(([key, one]) => [key, Array.isArray(one) ? one.map(value) : value(one)]),
  );
}

/** The parameters in the body of a request, in any supported format. */
export async function readBody(request: IncomingMessage, isUpload: boolean): Promise<Body> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
  const length = Number(request.headers['content-length'] ?? 0);
  if (type === 'multipart/form-data' && isUpload) return readMultipart(request);
  if (length > MAX_BODY) throw refused(501, 'for data too large');
  const text = (await readAll(request)).toString('utf8');
  if (type === 'application/json') return { params: text === '' ? {} : parseJson(text), file: undefined };
  if (type === '' || type === 'application/x-www-form-urlencoded')
    return { params: parseForm(text), file: undefined };
  throw refused(506, `upload 'Content-Type ${type}' not implemented`);
}
