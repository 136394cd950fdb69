/** Meta-data and network data that the user wrote. */
import type { Result } from '../lib/result.ts';
import { metaDataOf, networkDataOf } from './documents.ts';
import type { CloudInitInput } from './input.ts';
import type { UserDataFile } from './user-data-file.ts';
import { printYaml } from './yaml.ts';

const KEYS = 'public-keys';

/**
 * Returns the user's meta-data, with instance-id and local-hostname if it lacks them.
 *
 * @param userData - what reads the user-data, and the SSH keys that it cannot take
 */
export function metaDataFile(
  input: CloudInitInput,
  userData: Pick<UserDataFile, 'keys' | 'reader'>,
): Result<string> {
  const { instanceId, hostname, metaData } = input;
  const ours: Readonly<Record<string, unknown>> = {
    'instance-id': instanceId,
    'local-hostname': hostname,
    ...(userData.keys.length > 0 && { [KEYS]: publicKeys(userData) }),
  };
  if (metaData === undefined) return { value: printYaml(ours) };
  const own = metaDataOf(metaData, input);
  if ('problem' in own) return own;
  const { keys, text } = own.value;
  if (KEYS in ours && keys.includes(KEYS)) return { problem: KEYS_TWICE };
  const missing = Object.entries(ours).filter(([key]) => !keys.includes(key));
  return { value: missing.length === 0 ? text : text + printYaml(Object.fromEntries(missing)) };
}

/** cloudbase-init reads a mapping as EC2 has it, cloud-init a list. */
const publicKeys = ({ keys, reader }: Pick<UserDataFile, 'keys' | 'reader'>): unknown =>
  reader === 'Windows'
    ? Object.fromEntries(keys.map((key, index) => [`key-${index}`, { 'openssh-key': key }]))
    : keys;

export const KEYS_TWICE =
  'The SSH keys of the Secret cannot be added to user-data of this format, and the meta-data has public-keys already. Use one of the two.';

/** The user's meta-data as plain values. */
export function metaDataMap(
  input: Pick<CloudInitInput, 'metaData' | 'documents'>,
): Result<Readonly<Record<string, unknown>>> {
  if (input.metaData === undefined) return { value: {} };
  const own = metaDataOf(input.metaData, input);
  return 'problem' in own ? own : own.value.values;
}

/** Returns the user's network-config unchanged. It must have a version, at the top level or below `network`. */
export function networkDataFile(text: string, input: Pick<CloudInitInput, 'documents'>): Result<string> {
  const read = networkDataOf(text, input);
  if ('problem' in read) return read;
  const { version } = read.value;
  return 'problem' in version ? version : { value: text };
}
