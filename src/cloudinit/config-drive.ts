/**
 * The files of a config drive (OpenStack, version 2), as cloudbase-init, cloud-init and nuageinit read it. PVE writes the
 * same files, but the network as `content/0000` with NICs in their order; `network_data.json` knows them by MAC address,
 * and every reader prefers it.
 */
import type { Result } from '../lib/result.ts';
import { localHostname } from './as-pve.ts';
import { filesOf, vendorDataFile } from './files.ts';
import type { CloudInitInput } from './input.ts';
import type { IsoFile } from './iso9660.ts';
import { networkProblem } from './network.ts';
import { networkDataJson } from './network-json.ts';
import { KEYS_TWICE, metaDataMap } from './own-data.ts';
import { cleanKeys, keysProblem } from './ssh-keys.ts';
import { readUserData } from './user-data.ts';
import { userDataFile } from './user-data-file.ts';

export function configDriveFiles(input: CloudInitInput): Result<readonly IsoFile[]> {
  const problem = keysProblem(input.sshKeys) ?? networkProblem(input.nics);
  if (problem !== undefined) return { problem };
  return filesOf({
    'openstack/latest/meta_data.json': metaDataJson(input),
    'openstack/latest/user_data': userDataOf(input),
    'openstack/latest/network_data.json': networkDataJson(input),
    'openstack/latest/vendor_data.json': { value: vendorDataJson(input) },
  });
}

/** Host name and keys are in the meta-data, so that nothing but a cloud-config has to be changed for them. */
function userDataOf(input: CloudInitInput): Result<string | Uint8Array | undefined> {
  const read = readUserData(input);
  if ('problem' in read) return read;
  const { kind } = read.value;
  if (kind === 'none' && input.ignition === undefined) return { value: undefined };
  if (kind === 'other' || kind === 'multipart') return { value: read.value.text };
  const file = userDataFile(input);
  return 'problem' in file ? file : { value: file.value.content };
}

function metaDataJson(input: CloudInitInput): Result<string> {
  const own = metaDataMap(input);
  if ('problem' in own) return own;
  const { 'instance-id': uuid, 'local-hostname': hostname, ...others } = own.value;
  const name = hostname ?? localHostname(input);
  const keys = cleanKeys([...input.sshKeys, ...(input.inherited?.sshKeys ?? [])]);
  if (keys.length > 0 && 'public_keys' in others) return { problem: KEYS_TWICE };
  return {
    value: print({
      uuid: uuid ?? input.instanceId,
      hostname: name,
      name,
      ...(keys.length > 0 && {
        public_keys: Object.fromEntries(keys.map((key, index) => [`key-${index}`, key])),
      }),
      ...others,
    }),
  };
}

/** cloud-init takes the text below its name. */
function vendorDataJson(input: CloudInitInput): string | undefined {
  const text = vendorDataFile(input);
  return text === undefined ? undefined : print({ 'cloud-init': text });
}

const print = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
