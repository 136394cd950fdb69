/** The file with the user-data: the user's text, unchanged unless keys have to be added. */
import type { Result } from '../lib/result.ts';
import { readIgnition } from './ignition.ts';
import type { CloudInitInput } from './input.ts';
import { withKeysPart } from './multipart.ts';
import { cleanKeys } from './ssh-keys.ts';
import { readUserData, type UserData } from './user-data.ts';
import { printYaml } from './yaml.ts';

export interface UserDataFile {
  readonly content: string | Uint8Array;
  /** Keys that could not be added to the content; they belong into the meta-data. */
  readonly keys: readonly string[];
  /** What reads it, if it is not cloud-init. */
  readonly reader?: 'Ignition' | 'Talos' | 'Windows';
}

export function userDataFile(input: CloudInitInput): Result<UserDataFile> {
  const keys = cleanKeys(input.sshKeys);
  if (input.ignition !== undefined) return ignitionFile(input.ignition, keys);
  const read = readUserData(input);
  if ('problem' in read) return read;
  const data = read.value;
  const { hostname, fqdn = hostname } = input;
  if (data.kind === 'none')
    return complete(
      `#cloud-config\n${printYaml({ hostname, fqdn, ...(keys.length > 0 && { ssh_authorized_keys: keys }) })}`,
    );
  return data.kind === 'foreign' ? foreignFile(data, keys) : withKeys(data, keys);
}

const complete = (content: string): Result<UserDataFile> => ({ value: { content, keys: [] } });

type Foreign = Extract<UserData, { kind: 'foreign' }>;

function foreignFile({ format, bytes }: Foreign, keys: readonly string[]): Result<UserDataFile> {
  if (format === 'Ignition') return ignitionFile(Buffer.from(bytes).toString('utf8'), keys);
  if (format === 'Windows') return { value: { content: bytes, keys, reader: format } };
  if (format !== 'Talos') return { value: { content: bytes, keys } };
  return keys.length === 0
    ? { value: { content: bytes, keys, reader: 'Talos' } }
    : {
        problem:
          'The user-data is a machine configuration of Talos, which has no SSH. Remove spec.sshKeysSecretRef.',
      };
}

function ignitionFile(text: string, keys: readonly string[]): Result<UserDataFile> {
  const read = readIgnition(text);
  if ('problem' in read) return read;
  return keys.length === 0
    ? { value: { content: read.value, keys, reader: 'Ignition' } }
    : {
        problem:
          'The user-data is an Ignition configuration, to which nothing can be added. Add the keys to it, and remove spec.sshKeysSecretRef.',
      };
}

type ForCloudInit = Exclude<UserData, Foreign | { kind: 'none' }>;

function withKeys(data: ForCloudInit, keys: readonly string[]): Result<UserDataFile> {
  if (keys.length === 0) return complete(data.text);
  if (data.kind !== 'cloudConfig') return complete(withKeysPart(data.text, data.kind, keys));
  const { withKeys: added = { value: data.text } } = data.config;
  return 'problem' in added ? added : complete(added.value);
}
