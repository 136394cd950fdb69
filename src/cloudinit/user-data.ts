/** The user's text: which of cloud-init's formats it is, or why it is none. */
import { isMap, type Document } from 'yaml';
import type { Result } from '../lib/result.ts';
import { MiB } from '../lib/units.ts';
import { isEmpty, parseYaml } from './yaml.ts';

export type UserData =
  | { readonly kind: 'none' }
  | { readonly kind: 'cloudConfig'; readonly text: string; readonly document: Document }
  | { readonly kind: 'multipart'; readonly text: string }
  /** A script, a template, a list of URLs …: cloud-init tells them apart by the first line. */
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
/** cloud-init takes a text for MIME only if it finds this header near the start. */
const MIME_WINDOW = 4096;

/** Recognises the text as cloud-init does: by how it begins, whatever the case, after leading white space. */
export function readUserData(text: string | undefined): Result<UserData> {
  if (text === undefined || text.trim() === '') return { value: { kind: 'none' } };
  if (new TextEncoder().encode(text).length > MAX_BYTES)
    return {
      problem: 'The user-data is larger than 3 MiB: let it fetch the larger parts from somewhere (#include).',
    };
  // Not trimStart: cloud-init does not pass over a byte order mark.
  const start = text.replace(/^[ \t\r\n\v\f]+/, '').toLowerCase();
  if (OTHER_HEADERS.some((header) => start.startsWith(header))) return { value: { kind: 'other', text } };
  if (start.startsWith(CLOUD_CONFIG)) return readCloudConfig(text);
  if (/^(content-type:\s*multipart\/|mime-version:)/.test(start)) return readMultipart(text);
  return {
    problem:
      'The user-data does not begin like any that cloud-init knows: the first line must be #cloud-config, the #! of a script, ' +
      '#include, #cloud-boothook, #cloud-config-archive, #part-handler, "## template: jinja", or a MIME header.',
  };
}

function readCloudConfig(text: string): Result<UserData> {
  const document = parseYaml(text);
  if ('problem' in document)
    return { problem: `The user-data begins with ${CLOUD_CONFIG}, but ${document.problem}: correct it.` };
  const { contents } = document.value;
  // A tag or an anchor of the whole document would be written before the header.
  if (!isMap(contents) ? !isEmpty(contents) : contents.tag !== undefined || contents.anchor !== undefined)
    return {
      problem: `The user-data begins with ${CLOUD_CONFIG}, but what follows is not a list of "key: value" entries: correct it.`,
    };
  return { value: { kind: 'cloudConfig', text, document: document.value } };
}

function readMultipart(text: string): Result<UserData> {
  if (text.slice(0, MIME_WINDOW).toLowerCase().includes('mime-version:'))
    return { value: { kind: 'multipart', text } };
  return {
    problem:
      'The user-data looks like a MIME message, but without the header "MIME-Version: 1.0" cloud-init ignores it: add that line.',
  };
}
