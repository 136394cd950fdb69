/** PVE's own cloud-init drive: what it can express, and the keys that say it. */
import { isMap, isScalar, isSeq } from 'yaml';
import type { Result } from '../lib/result.ts';
import type { CloudInitInput } from './input.ts';
import { dnsServers, fitsIpConfig, ipConfig, networkProblem } from './network.ts';
import { cleanKeys, isPlainPublicKey } from './ssh-keys.ts';
import { readUserData, type UserData } from './user-data.ts';

/** Keys of a guest's configuration to write, and those to remove where the template left them. */
export interface CloudInitKeys {
  readonly set: Readonly<Record<string, string>>;
  readonly delete: readonly string[];
}

const MAX_NIC_INDEX = 31;
/** Every key that PVE's drive is made from. What a template carries there must not reach its clones. */
const OWN_KEYS: readonly string[] = [
  'ciuser',
  'cipassword',
  'sshkeys',
  'ciupgrade',
  'nameserver',
  'searchdomain',
  'cicustom',
  ...Array.from({ length: MAX_NIC_INDEX + 1 }, (_, index) => `ipconfig${index}`),
];

/** With an image of ours PVE's keys would have no effect, but would still show a template's password or keys. */
export const unsetNativeKeys: CloudInitKeys = { set: {}, delete: OWN_KEYS };

interface NativeData {
  user?: string;
  sshKeys: string[];
  upgrade: boolean;
}

const TRUE = new Set(['true', 'yes', 'on']);
const FALSE = new Set(['false', 'no', 'off']);

/** One reader a key that PVE can express equally; it says whether the value is such. */
const READERS: Readonly<Record<string, (node: unknown, data: NativeData, input: CloudInitInput) => boolean>> = {
  // PVE always makes the VM's name the host's name.
  hostname: (node, _asked, { hostname }) => plainText(node) === hostname,
  user: (node, data) => {
    const name = plainText(node);
    if (name === undefined || !/^[a-z_][a-z0-9_-]{0,31}$/.test(name)) return false;
    data.user = name;
    return true;
  },
  package_upgrade: (node, data) => {
    const word = plainText(node)?.toLowerCase() ?? '';
    data.upgrade = TRUE.has(word);
    return data.upgrade || FALSE.has(word);
  },
  ssh_authorized_keys: (node, data) => {
    const keys = isSeq(node) ? node.items.map(plainText) : [undefined];
    data.sshKeys = keys.filter((key) => key !== undefined);
    return data.sshKeys.length === keys.length;
  },
};

function plainText(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === 'string' && node.tag === undefined ? node.value : undefined;
}

/** What the user-data asks for, if PVE's drive can say all of it. */
function nativeDataOf(userData: UserData, input: CloudInitInput): NativeData | undefined {
  const data: NativeData = { sshKeys: [], upgrade: false };
  if (userData.kind === 'none') return data;
  if (userData.kind !== 'cloudConfig') return undefined;
  const { contents } = userData.document;
  const seen = new Set<string>();
  for (const { key, value } of isMap(contents) ? contents.items : []) {
    const name = plainText(key) ?? '';
    const read = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    if (!read?.(value, data, input) || seen.has(name)) return undefined;
    seen.add(name);
  }
  return data;
}

/** PVE writes meta-data and network-config itself. */
const hasOtherData = ({ ignition, metaData, networkData }: CloudInitInput): boolean =>
  [ignition, metaData, networkData].some((text) => text !== undefined);

/** What goes onto PVE's drive; a value of `undefined` means that an image of ours must do it. */
function nativeData(input: CloudInitInput): Result<NativeData | undefined> {
  const problem = networkProblem(input.nics);
  if (problem !== undefined) return { problem };
  const userData = readUserData(input.userData);
  if ('problem' in userData) return userData;
  const data = nativeDataOf(userData.value, input);
  if (!data || hasOtherData(input) || !input.nics.every(fitsIpConfig)) return { value: undefined };
  const sshKeys = cleanKeys([...data.sshKeys, ...input.sshKeys]);
  return { value: sshKeys.every(isPlainPublicKey) ? { ...data, sshKeys: [...sshKeys] } : undefined };
}

/** Whether PVE's own cloud-init drive says everything that is wished (Native), or an image of ours has to (Image). */
export function requiredMode(input: CloudInitInput): Result<'Native' | 'Image'> {
  const data = nativeData(input);
  return 'problem' in data ? data : { value: data.value ? 'Native' : 'Image' };
}

/** The keys for PVE's own drive. A problem where the wish is nothing that they could say. */
export function nativeKeys(input: CloudInitInput): Result<CloudInitKeys> {
  const data = nativeData(input);
  if ('problem' in data) return data;
  if (!data.value)
    return {
      problem: 'The user-data or the addresses are more than the cloud-init drive of Proxmox VE can express.',
    };
  const { user, sshKeys, upgrade } = data.value;
  const dns = dnsServers(input.nics);
  const desired: Record<string, string | undefined> = {
    ciuser: user,
    // PVE wants the list percent-encoded within the request's own encoding, without a newline at its end.
    sshkeys: sshKeys.length > 0 ? encodeURIComponent(sshKeys.join('\n')) : undefined,
    nameserver: dns.length > 0 ? dns.join(' ') : undefined,
    // PVE's default, 1, upgrades every package at the first boot.
    ciupgrade: upgrade ? '1' : '0',
    ...Object.fromEntries(input.nics.map((nic) => [nic.device.replace('net', 'ipconfig'), ipConfig(nic)])),
    // PVE's network-config names only NICs with an ipconfig, and a guest brings up no other.
    ...(input.nics.length === 0 && { ipconfig0: 'ip=dhcp' }),
  };
  const set = Object.fromEntries(
    Object.entries(desired).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  return { value: { set, delete: OWN_KEYS.filter((key) => !Object.hasOwn(set, key)) } };
}
