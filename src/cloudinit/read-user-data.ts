/**
 * Detects the format of user-data, and reads of it what decisions need to know. A result is plain data; it contains the
 * text only where SSH keys were added to it. Pure.
 */
import { isUtf8 } from 'node:buffer';
import type { Result } from '../lib/result.ts';
import { MiB } from '../lib/units.ts';
import { CLOUD_CONFIG, readCloudConfig, type CloudConfig } from './cloud-config.ts';
import { foreignFormat, isGzip, isTalos, isUtf16, slipIn, type ForeignFormat } from './formats.ts';
import { isIgnition, readIgnition, type Ignition } from './ignition.ts';
import { withKeysPart } from './multipart.ts';

export type UserDataForm =
  | { readonly kind: 'cloudConfig'; readonly config: CloudConfig }
  /**
   * `other`: a script, a template, a list of URLs …; cloud-init distinguishes them by the first line. `withKeys`: a
   * message with the text and the SSH keys; absent without keys.
   */
  | { readonly kind: 'multipart' | 'other'; readonly withKeys?: string }
  | { readonly kind: 'ignition'; readonly ignition: Result<Ignition> }
  /** For another program than cloud-init, or compressed: nothing can be added to it. */
  | {
      readonly kind: 'foreign';
      readonly format: ForeignFormat;
      /** The text is Base64 of it. */
      readonly encoded?: true;
    };

/** Absent: the format follows from how the text begins. */
export type UserDataFormat = 'Raw' | 'Base64' | 'Binary';

interface Given {
  readonly text: string;
  readonly format?: UserDataFormat | undefined;
  /** SSH keys to add. */
  readonly keys: readonly string[];
}

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

/** Detects the format, unless it is named. */
export function readUserDataForm({ text, format, keys }: Given): Result<UserDataForm> {
  const bytes = format === 'Base64' || format === 'Binary' ? decodeBase64(text) : undefined;
  if ((bytes?.length ?? Buffer.byteLength(text)) > MAX_BYTES)
    return {
      problem:
        'The user-data is larger than 3 MiB. Move the larger parts to a web server and refer to them with #include.',
    };
  if (format === undefined) return detect(text, keys);
  if (format === 'Raw') return { value: { kind: 'foreign', format: 'named' } };
  return bytes
    ? readDecoded(bytes, format)
    : {
        problem:
          'spec.userData.cloudInit.format is Base64, but the user-data is not Base64. The values below data of a Secret are decoded already: remove the format.',
      };
}

/** Detects what cloud-init reads as cloud-init does: by the beginning, ignoring case and leading white space. */
function detect(text: string, keys: readonly string[]): Result<UserDataForm> {
  // Not trimStart: cloud-init does not skip a byte order mark.
  const start = text.replace(/^[ \t\r\n\v\f]+/, '').toLowerCase();
  if (/^(content-type:\s*multipart\/|mime-version:)/.test(start)) return readMultipart(text, keys);
  const isForCloudInit = OTHER_HEADERS.some((header) => start.startsWith(header));
  if (isForCloudInit && !/^#!\s*(talos|cloud-config|cloud-init)\b/.test(start))
    return { value: { kind: 'other', ...partOf(text, 'other', keys) } };
  if (start.startsWith(CLOUD_CONFIG)) return isTalos(text) ? unrecognized(text) : asConfig(text, keys);
  if (isIgnition(text)) return { value: { kind: 'ignition', ignition: readIgnition(text) } };
  const format = foreignFormat(text);
  return format ? { value: { kind: 'foreign', format } } : unrecognized(text);
}

const partOf = (
  text: string,
  kind: 'multipart' | 'other',
  keys: readonly string[],
): { readonly withKeys?: string } => (keys.length === 0 ? {} : { withKeys: withKeysPart(text, kind, keys) });

const unrecognized = (text: string): { readonly problem: string } => ({
  problem: `The user-data has no format that is recognized. ${
    slipIn(text) ??
    'For cloud-init the first line must be #cloud-config, the #! of a script, #include, #cloud-boothook, #cloud-config-archive, ' +
      '#part-handler, "## template: jinja", or a MIME header.'
  } If the guest reads another format, set spec.userData.cloudInit.format to Raw, and it is delivered unchanged.`,
});

function readDecoded(bytes: Uint8Array, format: 'Base64' | 'Binary'): Result<UserDataForm> {
  if (isGzip(bytes)) return { value: { kind: 'foreign', format: 'gzip', encoded: true } };
  if (format === 'Base64') {
    const problem = slipInDecoded(bytes);
    return problem === undefined
      ? { value: { kind: 'foreign', format: 'named', encoded: true } }
      : { problem };
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
function slipInDecoded(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  const text = Buffer.from(bytes).toString();
  const read = detect(text, []);
  const looksWrong = slipIn(text) !== undefined || text.startsWith(CLOUD_CONFIG);
  return 'problem' in read && looksWrong ? `Decoded from Base64: ${read.problem}` : undefined;
}

function decodeBase64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s+/g, '');
  return /^[A-Za-z0-9+/]*={0,2}$/.test(compact) && compact.length % 4 === 0
    ? Buffer.from(compact, 'base64')
    : undefined;
}

function asConfig(text: string, keys: readonly string[]): Result<UserDataForm> {
  const read = readCloudConfig(text, keys);
  return 'problem' in read ? read : { value: { kind: 'cloudConfig', config: read.value } };
}

function readMultipart(text: string, keys: readonly string[]): Result<UserDataForm> {
  if (text.slice(0, MIME_WINDOW).toLowerCase().includes('mime-version:'))
    return { value: { kind: 'multipart', ...partOf(text, 'multipart', keys) } };
  return {
    problem:
      'The user-data looks like a MIME message without the header "MIME-Version: 1.0". cloud-init ignores it. Add the header.',
  };
}
