import { createHash } from 'node:crypto';
import { failure } from './errors.ts';
import { optionProperties } from './guest.ts';
import { splitProperties } from './schema/property-string.ts';
import { namedProperties } from './schema/formats.ts';
import type { Properties } from './schema/property-string.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

/** The settings that are compared with the content of the drive. */
export const cloudInitOptions = [
  'cicustom',
  'cipassword',
  'citype',
  'ciupgrade',
  'ciuser',
  'nameserver',
  'searchdomain',
  'sshkeys',
] as const;

export const isCloudInitOption = (key: string): boolean =>
  key === 'name' || /^ipconfig\d+$/.test(key) || (cloudInitOptions as readonly string[]).includes(key);

const named = (format: string, value: string | undefined): Properties => {
  const keys = namedProperties[format];
  return value === undefined || !keys ? {} : splitProperties(value, keys);
};

export const ipconfigOf = (guest: Guest, index: string): Properties =>
  named('pve-qm-ipconfig', guest.get(`ipconfig${index}`));

/** Files that replace the generated ones must exist. */
export function checkCiCustom(world: World, guest: Guest): void {
  for (const volid of Object.values(named('pve-qm-cicustom', guest.get('cicustom'))))
    if (!world.storage.find(volid, guest.node)) throw failure(`volume '${volid}' does not exist`);
}

const sshLines = (guest: Guest): readonly string[] =>
  decodeURIComponent(guest.get('sshkeys') ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '');

function hostNames(guest: Guest): { readonly host: string; readonly fqdn: string } {
  const name = guest.get('name') ?? `VM${guest.vmid}`;
  const domain = guest.get('searchdomain');
  const host = name.split('.')[0] ?? name;
  return { host, fqdn: name.includes('.') || domain === undefined ? name : `${name}.${domain}` };
}

function userData(guest: Guest): string {
  const { host, fqdn } = hostNames(guest);
  const user = guest.get('ciuser');
  const password = guest.get('cipassword');
  const keys = sshLines(guest);
  return [
    '#cloud-config',
    `hostname: ${host}`,
    'manage_etc_hosts: true',
    `fqdn: ${fqdn}`,
    ...(user === undefined ? [] : [`user: ${user}`]),
    ...(user === 'root' ? ['disable_root: False'] : []),
    ...(password === undefined ? [] : [`password: ${password}`]),
    ...(keys.length === 0 ? [] : ['ssh_authorized_keys:', ...keys.map((key) => `  - ${key}`)]),
    'chpasswd:',
    '  expire: False',
    ...(user === 'root' ? [] : ['users:', '  - default']),
    ...(guest.get('ciupgrade') === '0' ? [] : ['package_upgrade: true']),
    '',
  ].join('\n');
}

const netmask = (prefix: number): string => {
  const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
};

function subnet4({ ip, gw }: Properties): readonly string[] {
  if (ip === undefined) return [];
  if (ip === 'dhcp') return ['      - type: dhcp4'];
  const [address = '', prefix = ''] = ip.split('/');
  const lines = [
    '      - type: static',
    `        address: '${address}'`,
    `        netmask: '${netmask(Number(prefix))}'`,
  ];
  return gw === undefined ? lines : [...lines, `        gateway: '${gw}'`];
}

function subnet6({ ip6, gw6 }: Properties): readonly string[] {
  if (ip6 === undefined) return [];
  if (ip6 === 'dhcp') return ['      - type: dhcp6'];
  if (ip6 === 'auto') return ['      - type: ipv6_slaac'];
  const lines = ['      - type: static6', `        address: '${ip6}'`];
  return gw6 === undefined ? lines : [...lines, `        gateway: '${gw6}'`];
}

function networkConfig(guest: Guest): string {
  // PVE leaves out a NIC without addresses (Cloudinit.pm, nocloud_network).
  const nets = [...guest.config]
    .filter(([key]) => /^net\d+$/.test(key) && guest.config.has(key.replace('net', 'ipconfig')))
    .sort();
  const devices = nets.flatMap(([key, value]) => {
    const index = key.slice('net'.length);
    const config = ipconfigOf(guest, index);
    return [
      '    - type: physical',
      `      name: eth${index}`,
      `      mac_address: '${optionProperties(key, value)['macaddr']?.toLowerCase() ?? ''}'`,
      '      subnets:',
      ...subnet4(config),
      ...subnet6(config),
    ];
  });
  const servers = (guest.get('nameserver') ?? '192.0.2.1').split(/[\s,;]+/);
  const domains = (guest.get('searchdomain') ?? 'example.com').split(/[\s,;]+/);
  const quoted = (values: readonly string[]): readonly string[] =>
    values.map((value) => `      - '${value}'`);
  return [
    'version: 1',
    'config:',
    ...devices,
    '    - type: nameserver',
    '      address:',
    ...quoted(servers),
    '      search:',
    ...quoted(domains),
    '',
  ].join('\n');
}

/** PVE shows what it generates, whatever files of the user replace it (Cloudinit.pm, dump_cloudinit_config). */
export function dumpCloudInit(guest: Guest, kind: string, maskPassword: boolean): string {
  const { user, network, meta } = generatedFiles(guest);
  if (kind === 'user') return maskPassword ? user.replace(/^password: .*$/m, 'password: **********') : user;
  return kind === 'network' ? network : meta;
}

/** What PVE writes into the drive from the guest's options. */
export function generatedFiles(guest: Guest): Readonly<Record<'user' | 'network' | 'meta', string>> {
  const user = userData(guest);
  const network = networkConfig(guest);
  const id = createHash('sha1')
    .update(user + network)
    .digest('hex');
  return { user, network, meta: `instance-id: ${id}\n` };
}

/** Regenerates the drive: it is up to date afterwards. */
export function regenerate(world: World, guest: Guest): void {
  checkCiCustom(world, guest);
  guest.drift.recorded.clear();
  guest.drift.added.clear();
}

/** Records that a setting of a running guest is not on its drive yet. */
export function recordDrift(
  guest: Guest,
  key: string,
  old: string | undefined,
  next: string | undefined,
): void {
  if (!isCloudInitOption(key) || old === next) return;
  const { recorded, added } = guest.drift;
  const known = recorded.get(key);
  if (known !== undefined) {
    if (next === known) recorded.delete(key);
  } else if (added.has(key)) {
    if (next === undefined) added.delete(key);
  } else if (old === undefined) {
    added.add(key);
  } else {
    recorded.set(key, old);
  }
}

/** The rows of GET cloudinit. Names and addresses are only listed if they were added. */
export function cloudInitRows(guest: Guest): readonly object[] {
  const hide = (key: string, value: string): string => (key === 'cipassword' ? '**********' : value);
  const { recorded, added } = guest.drift;
  const rows: object[] = [...added].map((key) => ({ key, pending: hide(key, guest.get(key) ?? '') }));
  for (const key of cloudInitOptions) {
    const now = guest.get(key);
    if (now === undefined || now === '0' || added.has(key)) continue;
    const on = recorded.get(key);
    rows.push({ key, value: hide(key, on ?? now), ...(on === undefined ? {} : { pending: hide(key, now) }) });
  }
  for (const key of recorded.keys()) if (!guest.config.has(key)) rows.push({ key, delete: 1 });
  return rows;
}
