/** The file with the user-data: the user's text, unchanged unless keys have to be added. */
import type { Result } from '../lib/result.ts';
import { ignitionOf } from './documents.ts';
import type { Ignition } from './ignition.ts';
import type { CloudInitInput } from './input.ts';
import { cleanKeys } from './ssh-keys.ts';
import { bytesOf, readUserData, type UserData } from './user-data.ts';
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
  const { ignition } = input;
  if (ignition !== undefined) return ignitionFile(ignition, ignitionOf(ignition, input), keys);
  const read = readUserData(input);
  if ('problem' in read) return read;
  const data = read.value;
  const { hostname, fqdn = hostname } = input;
  if (data.kind === 'none')
    return complete(
      `#cloud-config\n${printYaml({ hostname, fqdn, ...(keys.length > 0 && { ssh_authorized_keys: keys }) })}`,
    );
  if (data.kind === 'ignition') return ignitionFile(data.text, data.ignition, keys);
  return data.kind === 'foreign' ? foreignFile(data, keys) : withKeys(data, keys);
}

const complete = (content: string): Result<UserDataFile> => ({ value: { content, keys: [] } });

type Foreign = Extract<UserData, { kind: 'foreign' }>;

function foreignFile(data: Foreign, keys: readonly string[]): Result<UserDataFile> {
  const { format } = data;
  const content = bytesOf(data);
  if (format === 'Windows') return { value: { content, keys, reader: format } };
  if (format !== 'Talos') return { value: { content, keys } };
  return keys.length === 0
    ? { value: { content, keys, reader: 'Talos' } }
    : {
        problem:
          'The user-data is a machine configuration of Talos, which has no SSH. Remove spec.sshKeysSecretRef.',
      };
}

function ignitionFile(
  content: string,
  read: Result<Ignition>,
  keys: readonly string[],
): Result<UserDataFile> {
  if ('problem' in read) return read;
  return keys.length === 0
    ? { value: { content, keys, reader: 'Ignition' } }
    : {
        problem:
          'The user-data is an Ignition configuration, to which nothing can be added. Add the keys to it, and remove spec.sshKeysSecretRef.',
      };
}

type ForCloudInit = Extract<UserData, { kind: 'cloudConfig' | 'multipart' | 'other' }>;

function withKeys(data: ForCloudInit, keys: readonly string[]): Result<UserDataFile> {
  if (keys.length === 0) return complete(data.text);
  if (data.kind !== 'cloudConfig') return complete(data.withKeys ?? data.text);
  const { withKeys: added = { value: data.text } } = data.config;
  return 'problem' in added ? added : complete(added.value);
}
