/** Detects the format of user-data. */
import { isMap, type Document } from 'yaml';
import type { Result } from '../lib/result.ts';
import { MiB } from '../lib/units.ts';
import { isEmpty, parseYaml } from './yaml.ts';

export type UserData =
  | { readonly kind: 'none' }
  | { readonly kind: 'cloudConfig'; readonly text: string; readonly document: Document }
  | { readonly kind: 'multipart'; readonly text: string }
  /** A script, a template, a list of URLs …: cloud-init distinguishes them by the first line. */
  | { readonly kind: 'other'; readonly text: string };

const CLOUD_CONFIG = '#cloud-config';
const OTHER_HEADERS = [
  '#!',
  '#include',
  '#cloud-boothook',
  '#cloud-config-archive',
  '#cloud-config-jsonp',
  '#part-handler',
  '## template: jinja',
];
const MAX_BYTES = 3 * MiB;
/** cloud-init recognizes MIME only if this header is near the start. */
const MIME_WINDOW = 4096;

/** Detects the format as cloud-init does: by the beginning, ignoring case and leading white space. */
export function readUserData(text: string | undefined): Result<UserData> {
  if (text === undefined || text.trim() === '') return { value: { kind: 'none' } };
  if (new TextEncoder().encode(text).length > MAX_BYTES)
    return {
      problem:
        'The user-data is larger than 3 MiB. Move the larger parts to a web server and refer to them with #include.',
    };
  // Not trimStart: cloud-init does not skip a byte order mark.
  const start = text.replace(/^[ \t\r\n\v\f]+/, '').toLowerCase();
  if (OTHER_HEADERS.some((header) => start.startsWith(header))) return { value: { kind: 'other', text } };
  if (start.startsWith(CLOUD_CONFIG)) return readCloudConfig(text);
  if (/^(content-type:\s*multipart\/|mime-version:)/.test(start)) return readMultipart(text);
  return {
    problem:
      'The user-data has no format that cloud-init recognizes. The first line must be #cloud-config, the #! of a script, ' +
      '#include, #cloud-boothook, #cloud-config-archive, #part-handler, "## template: jinja", or a MIME header.',
  };
}

/** Which parts of the login the user-data defines itself. */
export interface LoginDefined {
  readonly user: boolean;
  readonly password: boolean;
  readonly sshKeys: boolean;
}

/** Anything but a cloud-config is not examined: cloud-init lets it override what a guest inherits. */
export function loginDefinedBy(text: string | undefined): LoginDefined {
  const read = readUserData(text);
  const data = 'problem' in read ? undefined : read.value;
  const map = data?.kind === 'cloudConfig' ? data.document.contents : undefined;
  const has = (...keys: readonly string[]): boolean => isMap(map) && keys.some((key) => map.has(key));
  const user = has('user', 'users');
  return {
    user,
    password: user || has('password', 'chpasswd'),
    sshKeys: has('ssh_authorized_keys', 'users'),
  };
}

function readCloudConfig(text: string): Result<UserData> {
  const document = parseYaml(text);
  if ('problem' in document)
    return { problem: `The user-data begins with ${CLOUD_CONFIG}, but ${document.problem}. Correct it.` };
  const { contents } = document.value;
  // A tag or an anchor of the document would be printed before the header.
  if (!isMap(contents) ? !isEmpty(contents) : contents.tag !== undefined || contents.anchor !== undefined)
    return {
      problem: `The user-data begins with ${CLOUD_CONFIG}, but the rest is not a YAML mapping. Write it as "key: value" entries.`,
    };
  return { value: { kind: 'cloudConfig', text, document: document.value } };
}

function readMultipart(text: string): Result<UserData> {
  if (text.slice(0, MIME_WINDOW).toLowerCase().includes('mime-version:'))
    return { value: { kind: 'multipart', text } };
  return {
    problem:
      'The user-data looks like a MIME message without the header "MIME-Version: 1.0". cloud-init ignores it. Add the header.',
  };
}
