/** PVE's cloud-init drive: the configuration keys for it, and whether they can express the data. */
import type { Result } from '../lib/result.ts';
import type { CloudInitInput } from './input.ts';
import { dnsServers, fitsIpConfig, ipConfig, needsOnLink, networkProblem } from './network.ts';
import { cleanKeys, isPlainPublicKey, keysProblem } from './ssh-keys.ts';
import { readUserData, type UserData } from './user-data.ts';
import { isPlainScalar, isPlainYaml } from './yaml.ts';

/** Keys of a guest's configuration to set, and keys to delete if the template has them. */
export interface CloudInitKeys {
  readonly set: Readonly<Record<string, string>>;
  readonly delete: readonly string[];
}

const MAX_NIC_INDEX = 31;
/** All keys from which PVE builds the drive. A template's values must not reach its clones. */
const NATIVE_KEYS: readonly string[] = [
  'ciuser',
  'cipassword',
  'sshkeys',
  'ciupgrade',
  'nameserver',
  'searchdomain',
  'cicustom',
  ...Array.from({ length: MAX_NIC_INDEX + 1 }, (_, index) => `ipconfig${index}`),
];

/** Deletes PVE's keys. With an image they have no effect, but would still expose a template's password or keys. */
export const unsetNativeKeys: CloudInitKeys = { set: {}, delete: NATIVE_KEYS };

export interface NativeData {
  user?: string;
  sshKeys: string[];
  upgrade: boolean;
}

/** The data in the user-data; `undefined` if PVE's drive cannot express all of it. */
function nativeDataOf(
  userData: UserData,
  { hostname, alwaysUpgrades }: CloudInitInput,
): NativeData | undefined {
  if (userData.kind === 'none') return { sshKeys: [], upgrade: false };
  const native = userData.kind === 'cloudConfig' ? userData.config.native : undefined;
  // PVE always uses the VM's name as host name.
  if (!native || (native.hostname ?? hostname) !== hostname) return undefined;
  const { user, upgrade, sshKeys } = native;
  if (upgrade === false && alwaysUpgrades === true) return undefined;
  return { ...(user !== undefined && { user }), sshKeys, upgrade: upgrade === true };
}

/** PVE generates meta-data and network-config itself. */
const hasOtherData = ({ ignition, metaData, networkData }: CloudInitInput): boolean =>
  [ignition, metaData, networkData].some((text) => text !== undefined);

/** The data in the user-data; `undefined` if it is invalid, or PVE's drive cannot express all of it. */
export function nativeUserData(input: CloudInitInput): NativeData | undefined {
  const userData = readUserData(input);
  return 'problem' in userData ? undefined : nativeDataOf(userData.value, input);
}

/** The data for PVE's drive; `undefined` if the drive cannot express the input. */
function nativeData(input: CloudInitInput): Result<NativeData | undefined> {
  const problem = keysProblem(input.sshKeys) ?? networkProblem(input.nics);
  if (problem !== undefined) return { problem };
  const userData = readUserData(input);
  if ('problem' in userData) return userData;
  const data = nativeDataOf(userData.value, input);
  if (!data || hasOtherData(input) || !input.nics.every(fitsIpConfig)) return { value: undefined };
  const sshKeys = cleanKeys([...data.sshKeys, ...input.sshKeys]);
  return { value: isRead(input, sshKeys) ? { ...data, sshKeys: [...sshKeys] } : undefined };
}

/**
 * Whether guests read what PVE writes. It writes names and keys without quotes, so a VM called 123 would get a number
 * and no host name, and it cannot say that a gateway is on the link. With a snippet there is no other way.
 */
function isRead(
  { hostname, fqdn = hostname, nics, snippet }: CloudInitInput,
  sshKeys: readonly string[],
): boolean {
  if (snippet !== undefined) return true;
  return (
    [hostname, fqdn].every(isPlainYaml) &&
    sshKeys.every((key) => isPlainPublicKey(key) && isPlainScalar(key)) &&
    !nics.some(needsOnLink)
  );
}

/** Returns `Native` if PVE's cloud-init drive can express the input, otherwise `Image`. */
export function requiredMode(input: CloudInitInput): Result<'Native' | 'Image'> {
  const data = nativeData(input);
  return 'problem' in data ? data : { value: data.value ? 'Native' : 'Image' };
}

/** Returns the keys for PVE's cloud-init drive, or a problem if they cannot express the input. */
export function nativeKeys(input: CloudInitInput): Result<CloudInitKeys> {
  const data = nativeData(input);
  if ('problem' in data) return data;
  if (!data.value)
    return {
      problem: 'The cloud-init drive of Proxmox VE cannot express this user-data or these addresses.',
    };
  const { user, sshKeys, upgrade } = data.value;
  const { dns: common = [], search: domains = [] } = input.resolver ?? {};
  const dns = [...new Set([...dnsServers(input.nics), ...common])];
  const desired: Record<string, string | undefined> = {
    ciuser: user,
    // PVE requires the list percent-encoded, in addition to the encoding of the request, and without a trailing newline.
    sshkeys: sshKeys.length > 0 ? encodeURIComponent(sshKeys.join('\n')) : undefined,
    nameserver: dns.length > 0 ? dns.join(' ') : undefined,
    searchdomain: domains.length > 0 ? domains.join(' ') : undefined,
    // PVE's default, 1, upgrades every package at the first boot.
    ciupgrade: upgrade ? '1' : '0',
    ...Object.fromEntries(input.nics.map((nic) => [nic.device.replace('net', 'ipconfig'), ipConfig(nic)])),
    // PVE's network-config contains only NICs with an ipconfig, and a guest configures no others.
    ...(input.nics.length === 0 && { ipconfig0: 'ip=dhcp' }),
  };
  const set = Object.fromEntries(
    Object.entries(desired).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  return { value: { set, delete: NATIVE_KEYS.filter((key) => !Object.hasOwn(set, key)) } };
}
