/** Meta-data and network data that the user wrote. */
import { isMap, type Document, type YAMLMap } from 'yaml';
import type { Result } from '../lib/result.ts';
import type { CloudInitInput } from './input.ts';
import type { UserDataFile } from './user-data-file.ts';
import { parseYaml, printYaml, quoted } from './yaml.ts';

const KEYS = 'public-keys';

/**
 * Returns the user's meta-data, with instance-id and local-hostname if it lacks them.
 *
 * @param userData - what reads the user-data, and the SSH keys that it cannot take
 */
export function metaDataFile(
  { instanceId, hostname, metaData }: CloudInitInput,
  userData: Pick<UserDataFile, 'keys' | 'reader'>,
): Result<string> {
  const ours = { 'instance-id': instanceId, 'local-hostname': hostname };
  const withKeys = userData.keys.length > 0 && { [KEYS]: publicKeys(userData) };
  if (metaData === undefined) return { value: printYaml({ ...ours, ...withKeys }) };
  const read = readMetaData(metaData);
  if ('problem' in read) return read;
  const { document, contents } = read.value;
  if (withKeys && contents.has(KEYS)) return { problem: KEYS_TWICE };
  for (const [key, value] of Object.entries(ours)) if (!contents.has(key)) contents.set(key, quoted(value));
  if (withKeys) contents.set(KEYS, document.createNode(withKeys[KEYS]));
  return { value: document.toString({ lineWidth: 0 }) };
}

/** cloudbase-init reads a mapping as EC2 has it, cloud-init a list. */
const publicKeys = ({ keys, reader }: Pick<UserDataFile, 'keys' | 'reader'>): unknown =>
  reader === 'Windows'
    ? Object.fromEntries(keys.map((key, index) => [`key-${index}`, { 'openssh-key': key }]))
    : keys;

export const KEYS_TWICE =
  'The SSH keys of the Secret cannot be added to user-data of this format, and the meta-data has public-keys already. Use one of the two.';

interface MetaData {
  readonly document: Document;
  readonly contents: YAMLMap;
}

function readMetaData(metaData: string): Result<MetaData> {
  const document = parseYaml(metaData);
  if ('problem' in document) return { problem: `The meta-data is invalid: ${document.problem}. Correct it.` };
  const { contents } = document.value;
  return isMap(contents)
    ? { value: { document: document.value, contents } }
    : { problem: 'The meta-data is not a YAML mapping. Write it as "key: value" entries.' };
}

/** The user's meta-data as plain values; a scalar is the text that was written. */
export function metaDataMap(metaData: string | undefined): Result<Readonly<Record<string, unknown>>> {
  if (metaData === undefined) return { value: {} };
  const read = readMetaData(metaData);
  if ('problem' in read) return read;
  try {
    const value: unknown = read.value.document.toJS();
    return { value: { ...(typeof value === 'object' && value) } };
  } catch {
    return { problem: 'The meta-data refers to YAML anchors too often. Write the values out.' };
  }
}

/** Returns the user's network-config unchanged. It must have a version, at the top level or below `network`. */
export function networkDataFile(text: string): Result<string> {
  const document = parseYaml(text);
  if ('problem' in document)
    return { problem: `The network data is invalid: ${document.problem}. Correct it.` };
  const { value } = document;
  const version: unknown = value.getIn(['network', 'version']) ?? value.getIn(['version']);
  return version === '1' || version === '2'
    ? { value: text }
    : {
        problem:
          'The network data has neither "version: 1" nor "version: 2". Write it as a network-config of cloud-init.',
      };
}
