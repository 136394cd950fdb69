/** Detects the format of user-data. */
import { isUtf8 } from 'node:buffer';
import type { Result } from '../lib/result.ts';
import { MiB } from '../lib/units.ts';
import { CLOUD_CONFIG, type CloudConfig } from './cloud-config.ts';
import { cloudConfigOf, type Text } from './documents.ts';
import { foreignFormat, isGzip, isTalos, isUtf16, slipIn, type ForeignFormat } from './formats.ts';
import type { CloudInitInput } from './input.ts';
import { cleanKeys } from './ssh-keys.ts';

export type UserData =
  | { readonly kind: 'none' }
  | { readonly kind: 'cloudConfig'; readonly text: string; readonly config: CloudConfig }
  | { readonly kind: 'multipart'; readonly text: string }
  /** A script, a template, a list of URLs …: cloud-init distinguishes them by the first line. */
  | { readonly kind: 'other'; readonly text: string }
  /** For another program than cloud-init, or compressed: nothing can be added to it. */
  | { readonly kind: 'foreign'; readonly format: ForeignFormat; readonly bytes: Uint8Array };

type UserDataInput = Pick<CloudInitInput, 'userData' | 'userDataFormat' | 'sshKeys' | 'documents'>;

type ReadConfig = (text: string) => Result<CloudConfig>;

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

/** Detects the format, unless the input names it. */
export function readUserData(
  input: UserDataInput,
  config: ReadConfig = (text) => cloudConfigOf(text, input),
): Result<UserData> {
  const { userData: text, userDataFormat } = input;
  if (text === undefined || text.trim() === '') return { value: { kind: 'none' } };
  const read =
    userDataFormat === undefined ? readText(text, config) : readNamed(text, userDataFormat, config);
  return 'value' in read && sizeOf(read.value) > MAX_BYTES
    ? {
        problem:
          'The user-data is larger than 3 MiB. Move the larger parts to a web server and refer to them with #include.',
      }
    : read;
}

/** The cloud-config in the user-data, as it has to be read. */
export function cloudConfigIn(input: UserDataInput): Text | undefined {
  let found: string | undefined;
  readUserData(input, (text) => {
    found = text;
    return { problem: '' };
  });
  return found === undefined ? undefined : { part: 'userData', text: found, keys: cleanKeys(input.sshKeys) };
}

function sizeOf(data: UserData): number {
  if (data.kind === 'none') return 0;
  return data.kind === 'foreign' ? data.bytes.length : Buffer.byteLength(data.text);
}

/** Detects what cloud-init reads as cloud-init does: by the beginning, ignoring case and leading white space. */
function readText(text: string, config: ReadConfig): Result<UserData> {
  // Not trimStart: cloud-init does not skip a byte order mark.
  const start = text.replace(/^[ \t\r\n\v\f]+/, '').toLowerCase();
  if (/^(content-type:\s*multipart\/|mime-version:)/.test(start)) return readMultipart(text);
  const isForCloudInit = OTHER_HEADERS.some((header) => start.startsWith(header));
  if (isForCloudInit && !/^#!\s*(talos|cloud-config|cloud-init)\b/.test(start))
    return { value: { kind: 'other', text } };
  if (start.startsWith(CLOUD_CONFIG)) return isTalos(text) ? unrecognized(text) : asConfig(text, config);
  const format = foreignFormat(text);
  return format ? { value: { kind: 'foreign', format, bytes: Buffer.from(text) } } : unrecognized(text);
}

const unrecognized = (text: string): Result<UserData> => ({
  problem: `The user-data has no format that is recognized. ${
    slipIn(text) ??
    'For cloud-init the first line must be #cloud-config, the #! of a script, #include, #cloud-boothook, #cloud-config-archive, ' +
      '#part-handler, "## template: jinja", or a MIME header.'
  } If the guest reads another format, set spec.userData.cloudInit.format to Raw, and it is delivered unchanged.`,
});

function readNamed(
  text: string,
  format: NonNullable<CloudInitInput['userDataFormat']>,
  config: ReadConfig,
): Result<UserData> {
  if (format === 'Raw') return { value: { kind: 'foreign', format: 'named', bytes: Buffer.from(text) } };
  const bytes = decodeBase64(text);
  if (!bytes)
    return {
      problem:
        'spec.userData.cloudInit.format is Base64, but the user-data is not Base64. The values below data of a Secret are decoded already: remove the format.',
    };
  if (isGzip(bytes)) return { value: { kind: 'foreign', format: 'gzip', bytes } };
  if (format === 'Base64') {
    const problem = slipInDecoded(bytes, config);
    return problem === undefined ? { value: { kind: 'foreign', format: 'named', bytes } } : { problem };
  }
  return {
    problem: `The user-data is neither text in UTF-8 nor compressed with gzip. ${
      isUtf16(bytes)
        ? 'It is in UTF-16: save it as UTF-8 without a byte order mark.'
        : 'Set spec.userData.cloudInit.format to Raw to deliver it unchanged.'
    }`,
  };
}

/** What is not recognized is delivered all the same; what looks like a mistake is not. */
function slipInDecoded(bytes: Uint8Array, config: ReadConfig): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes).toString();
  const read = readText(text, config);
  const looksWrong = slipIn(text) !== undefined || text.startsWith(CLOUD_CONFIG);
  return 'problem' in read && looksWrong ? `Decoded from Base64: ${read.problem}` : undefined;
}

function decodeBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s+/g, '');
  return /^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.length % 4 === 0
    ? Buffer.from(compact, 'base64')
    : undefined;
}

/** Which parts of the login the user-data defines itself. */
export interface LoginDefined {
  readonly user: boolean;
  readonly password: boolean;
  readonly sshKeys: boolean;
}

/** Anything but a cloud-config is not examined: cloud-init lets it override what a guest inherits. */
export function loginDefinedBy(input: UserDataInput): LoginDefined {
  const read = readUserData(input);
  const data = 'problem' in read ? undefined : read.value;
  const defined = data?.kind === 'cloudConfig' ? data.config.loginKeys : [];
  const has = (...keys: readonly string[]): boolean => keys.some((key) => defined.includes(key));
  const user = has('user', 'users');
  return {
    user,
    password: user || has('password', 'chpasswd'),
    sshKeys: has('ssh_authorized_keys', 'users'),
  };
}

function asConfig(text: string, config: ReadConfig): Result<UserData> {
  const read = config(text);
  return 'problem' in read ? read : { value: { kind: 'cloudConfig', text, config: read.value } };
}

function readMultipart(text: string): Result<UserData> {
  if (text.slice(0, MIME_WINDOW).toLowerCase().includes('mime-version:'))
    return { value: { kind: 'multipart', text } };
  return {
    problem:
      'The user-data looks like a MIME message without the header "MIME-Version: 1.0". cloud-init ignores it. Add the header.',
  };
}
