import { isIP, isIPv4, isIPv6 } from 'node:net';
import { isPrivilege } from '../privileges.ts';
import type { Definitions } from './schema.ts';

/** Checks a value; returns PVE's error (without a newline), or undefined. */
type Format = (value: string) => string | undefined;

const matching =
  (pattern: RegExp, complaint: string | ((value: string) => string)): Format =>
  (value) =>
    pattern.test(value) ? undefined : typeof complaint === 'string' ? complaint : complaint(value);

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const dnsName = new RegExp(`^${label}(?:\\.${label})*$`);
const volumeId = /^[a-z][a-z0-9\-_.]*[a-z0-9]:.+$/i;
const userId = /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$/;

const prefixed = (value: string, isAddress: (ip: string) => boolean, most: number): boolean => {
  const [ip = '', prefix = '', ...rest] = value.split('/');
  return rest.length === 0 && isAddress(ip) && /^\d{1,3}$/.test(prefix) && Number(prefix) <= most;
};
const cidr4 = (value: string): boolean => prefixed(value, isIPv4, 32) && Number(value.split('/')[1]) >= 8;
const cidr6 = (value: string): boolean => prefixed(value, isIPv6, 128) && Number(value.split('/')[1]) >= 8;

const address: Format = (value) =>
  isIP(value) !== 0 || dnsName.test(value) ? undefined : `value does not look like a valid address: ${value}`;

const text = (extra: object = {}) => ({ type: 'string', optional: true, ...extra });
const flag = { type: 'boolean', optional: true };

const ipconfig: Definitions = {
  gw: text({ format: 'ipv4', requires: 'ip' }),
  gw6: text({ format: 'ipv6', requires: 'ip6' }),
  ip: text({ format: 'pve-ipv4-config' }),
  ip6: text({ format: 'pve-ipv6-config' }),
};

const volume = text({ format: 'pve-volume-id' });
const cicustom: Definitions = { meta: volume, network: volume, user: volume, vendor: volume };

const boot: Definitions = {
  legacy: text({ defaultKey: true, pattern: '[acdn]{1,4}' }),
  order: text({ format: 'pve-qm-bootdev-list' }),
};

const base64 = text({ pattern: '[A-Za-z0-9+/]+={0,2}' });

const smbios: Definitions = {
  base64: flag,
  family: base64,
  manufacturer: base64,
  product: base64,
  serial: base64,
  sku: base64,
  uuid: text({ pattern: '[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}' }),
  version: base64,
};

const cpu: Definitions = {
  cputype: text({ defaultKey: true, format: 'pve-cpu-model' }),
  flags: text({ pattern: '[+-][a-zA-Z0-9\\-_.]+(?:;[+-][a-zA-Z0-9\\-_.]+)*' }),
  'guest-phys-bits': { type: 'integer', optional: true, minimum: 32, maximum: 64 },
  hidden: flag,
  'hv-vendor-id': text({ pattern: '[a-zA-Z0-9]{1,12}' }),
  'phys-bits': text({ format: 'pve-phys-bits' }),
  'reported-model': text(),
};

const watchdog: Definitions = {
  action: text({ enum: ['reset', 'shutdown', 'poweroff', 'pause', 'debug', 'none'] }),
  model: text({ defaultKey: true, enum: ['i6300esb', 'ib700'] }),
};

const rng: Definitions = {
  max_bytes: { type: 'integer', optional: true },
  period: { type: 'integer', optional: true },
  source: { type: 'string', defaultKey: true, enum: ['/dev/urandom', '/dev/random', '/dev/hwrng'] },
};

const amdSev: Definitions = {
  type: { type: 'string', defaultKey: true, maxLength: 3 },
  'allow-smt': flag,
  'kernel-hashes': flag,
  'no-debug': flag,
  'no-key-sharing': flag,
};

const intelTdx: Definitions = {
  type: { type: 'string', defaultKey: true, maxLength: 3 },
  attestation: { type: 'boolean' },
  'vsock-cid': { type: 'integer', optional: true },
  'vsock-port': { type: 'integer', optional: true },
};

/** Property strings of which the schema has only the name. */
export const namedProperties: Readonly<Record<string, Definitions>> = {
  'pve-qm-boot': boot,
  'pve-qm-ipconfig': ipconfig,
  'pve-qm-cicustom': cicustom,
  'pve-qm-smbios1': smbios,
  'pve-qm-watchdog': watchdog,
  'pve-qm-rng': rng,
  'pve-vm-cpu-conf': cpu,
  'pve-qemu-sev-fmt': amdSev,
  'pve-qemu-tdx-fmt': intelTdx,
};

const bootDevice = /^(?:(?:ide|sata|scsi|virtio|net|usb|hostpci)\d+)$/;
const hotplugFeatures = new Set(['network', 'disk', 'cpu', 'memory', 'usb', 'cloudinit']);

const hotplug: Format = (value) => {
  if (value === '0' || value === '1') return undefined;
  const wrong = splitList(value).find((feature) => !hotplugFeatures.has(feature));
  return wrong === undefined ? undefined : `invalid hotplug feature '${wrong}'`;
};

const startup: Format = (value) =>
  /^(?:(?:order=)?\d+|up=\d+|down=\d+)(?:,(?:(?:order=)?\d+|up=\d+|down=\d+))*$/.test(value)
    ? undefined
    : 'unable to parse startup options';

const poolid = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+){0,2}$/;
const configId: Format = matching(/^[a-z][a-z0-9_-]+$/i, (value) => `invalid configuration ID '${value}'`);
const node = matching(new RegExp(`^${label}$`), 'value does not look like a valid node name');
const storageId = matching(
  /^[a-z][a-z0-9\-_.]*[a-z0-9]$/i,
  (value) => `storage ID '${value}' contains illegal characters`,
);
const volid = matching(volumeId, (value) => `unable to parse volume ID '${value}'`);
const haId = /^(?:(?:vm|ct):\S+|\d+)$/;

const formats: Readonly<Record<string, Format>> = {
  'pve-node': node,
  'pve-vmid': matching(/^[1-9][0-9]{2,8}$/, 'value does not look like a valid VM ID'),
  'pve-configid': configId,
  'pve-storage-id': storageId,
  'pve-poolid': matching(poolid, (value) =>
    value.split('/').length > 3
      ? `pool name '${value}' nested too deeply (max levels = 3)`
      : `pool name '${value}' contains invalid characters`,
  ),
  'pve-bridge-id': matching(/^[-_.\w]+$/, (value) => `invalid bridge ID '${value}'`),
  'pve-iface': matching(
    /^[a-z][a-z0-9_]{1,20}([:.]\d+)?$/i,
    (value) => `invalid network interface name '${value}'`,
  ),
  'mac-addr': matching(
    /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i,
    'value does not look like a valid unicast MAC address',
  ),
  'mac-prefix': matching(
    /^[0-9a-f][02468ace](:[0-9a-f]{2}){2}:?$/i,
    'value is not a valid unicast MAC prefix',
  ),
  'dns-name': matching(dnsName, 'value does not look like a valid DNS name'),
  urlencoded: matching(/^[-%a-zA-Z0-9_.!~*'()]*$/, (value) => `invalid urlencoded string: ${value}`),
  'disk-size': matching(
    /^\d+(\.\d+)?[KMGT]?$/,
    (value) => `value does not look like a valid disk size: ${value}`,
  ),
  'pve-hotplug-features': hotplug,
  'pve-tag': matching(/^[a-z0-9_][a-z0-9_\-+.]*$/i, 'invalid characters in tag'),
  'pve-volume-id': volid,
  'pve-volume-id-or-qm-path': (value) =>
    value === 'none' ||
    value === 'cdrom' ||
    value.startsWith('/') ||
    volumeId.test(value) ||
    /^\d+(\.\d+)?$/.test(value)
      ? undefined
      : `unable to parse volume ID '${value}'`,
  'pve-volume-id-or-absolute-path': (value) =>
    value.startsWith('/') || volumeId.test(value) ? undefined : `unable to parse volume ID '${value}'`,
  'pve-ipv4-config': (value) =>
    ['dhcp', 'manual'].includes(value) || cidr4(value)
      ? undefined
      : 'value does not look like a valid ipv4 network configuration',
  'pve-ipv6-config': (value) =>
    ['auto', 'dhcp', 'manual'].includes(value) || cidr6(value)
      ? undefined
      : 'value does not look like a valid ipv6 network configuration',
  ipv4: (value) => (isIPv4(value) ? undefined : 'value does not look like a valid IPv4 address'),
  ipv6: (value) => (isIPv6(value) ? undefined : 'value does not look like a valid IPv6 address'),
  CIDR: (value) =>
    cidr4(value) || cidr6(value) ? undefined : 'value does not look like a valid CIDR network',
  CIDRv4: (value) => (cidr4(value) ? undefined : 'value does not look like a valid IPv4 CIDR network'),
  CIDRv6: (value) => (cidr6(value) ? undefined : 'value does not look like a valid IPv6 CIDR network'),
  address,
  'pve-cpuset': matching(/^\s*\d+(?:-\d+)?(?:\s*[,;]?\s*\d+(?:-\d+)?)*\s*$/, 'unable to parse cpuset option'),
  'pve-phys-bits': (value) =>
    value === 'host' || (/^\d+$/.test(value) && Number(value) >= 8 && Number(value) <= 64)
      ? undefined
      : "value must be an integer between 8 and 64 or 'host'",
  'pve-cpu-model': matching(/^(?:custom-)?[a-zA-Z0-9\-_.]+$/, 'invalid CPU model'),
  'pve-startup-order': startup,
  'pve-qm-bootdev': matching(bootDevice, (value) => `invalid boot device '${value}'`),
  'pve-qm-bootdisk': matching(/^(?:ide|sata|scsi|virtio)\d+$/, (value) => `invalid boot disk '${value}'`),
  'pve-storage-content': matching(
    /^(?:images|rootdir|vztmpl|iso|backup|snippets|none|import)$/,
    (value) => `invalid content type '${value}'`,
  ),
  'pve-task-status-type': matching(/^(?:unknown|error|warning|ok)$/i, (value) => `invalid status '${value}'`),
  'pve-priv': (value) => (isPrivilege(value) ? undefined : `invalid privilege '${value}'`),
  'pve-userid': matching(userId, (value) => `value '${value}' does not look like a valid user name`),
  'pve-tokenid': matching(
    /^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$/,
    (value) => `value '${value}' does not look like a valid token ID`,
  ),
  'pve-groupid': matching(
    /^[A-Za-z0-9.\-_]+$/,
    (value) => `group name '${value}' contains invalid characters`,
  ),
  'pve-roleid': matching(/^[A-Za-z0-9.\-_]+$/, (value) => `role name '${value}' contains invalid characters`),
  'pve-realm': matching(/^[A-Za-z][A-Za-z0-9.\-_]+$/, 'value does not look like a valid realm'),
  'pve-ha-resource-or-vm-id': matching(haId, (value) => `unable to parse service id '${value}'`),
  'pve-ha-node': matching(/^[A-Za-z0-9-]+(?::\d+)?$/, 'value does not look like a valid ha node'),
  'storage-pair': matching(
    /^(?:1|[a-z][a-z0-9\-_.]*[a-z0-9](?::[a-z][a-z0-9\-_.]*[a-z0-9])?)$/i,
    (value) => `entry '${value}' contains invalid ID - storage ID '${value}' contains illegal characters\n\n`,
  ),
};

/** PVE's lists are split at commas, semicolons, spaces and NULs. */
export const splitList = (value: string): readonly string[] =>
  value.split(/[,;\0\s]+/).filter((part) => part !== '');

/**
 * PVE's error for a value of a named format, or undefined. An unknown format accepts any value.
 * `-list` formats check each entry, `-opt` formats accept the empty string.
 */
export function formatComplaint(name: string, value: string): string | undefined {
  const direct = formats[name];
  if (direct) return direct(value);
  if (name.endsWith('-opt') && value === '') return undefined;
  const single = name.endsWith('-list') ? formats[name.slice(0, -'-list'.length)] : undefined;
  return single
    ? splitList(value)
        .map((part) => single(part))
        .find((found) => found !== undefined)
    : undefined;
}
