/** MIME: how a part of ours travels beside user-data that nothing can be added to. */
import { sha256Hex } from '../lib/hash.ts';
import { printYaml } from './yaml.ts';

const LINE_LENGTH = 76;

/** cloud-init looks at the first line of a text/plain part to tell what it is. Base64, because it garbles other than ASCII in 8bit. */
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
 * The user's text and, after it, a cloud-config with the keys; both count. A MIME message stays as it is, as a part
 * within the message.
 */
export function withKeysPart(text: string, kind: 'multipart' | 'other', keys: readonly string[]): string {
  const config = printYaml({
    // Without this the list would replace the one of an earlier part.
    merge_how: 'list(append)+dict(no_replace,recurse_list)+str()',
    ssh_authorized_keys: keys,
  });
  // Nothing within can be equal to its own hash.
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
