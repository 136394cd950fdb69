/** MIME multipart user-data: adds a part to user-data that cannot be edited. */
import { sha256Hex } from '../lib/hash.ts';
import { printYaml } from './yaml.ts';

const LINE_LENGTH = 76;

/** cloud-init detects the format of a text/plain part by its first line. Base64, because cloud-init garbles non-ASCII characters in 8bit. */
const plainPart = (text: string): string => {
  const lines =
    Buffer.from(text, 'utf8')
      .toString('base64')
      .match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? [];
  return [
    'Content-Type: text/plain; charset="utf-8"',
    'Content-Transfer-Encoding: base64',
    '',
    ...lines,
  ].join('\n');
};

/**
 * Returns a message with the user's text and a cloud-config with the keys; cloud-init applies both. A MIME message is
 * embedded unchanged as a part.
 */
export function withKeysPart(text: string, kind: 'multipart' | 'other', keys: readonly string[]): string {
  const config = printYaml({
    // Without merge_how the list would replace the list of an earlier part.
    merge_how: 'list(append)+dict(no_replace,recurse_list)+str()',
    ssh_authorized_keys: keys,
  });
  // A text cannot contain its own hash.
  const boundary = `virtrigaud-${sha256Hex(text).slice(0, 32)}`;
  return [
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    kind === 'multipart' ? text.trimStart() : plainPart(text),
    `--${boundary}`,
    plainPart(`#cloud-config\n${config}`),
    `--${boundary}--`,
    '',
  ].join('\n');
}
