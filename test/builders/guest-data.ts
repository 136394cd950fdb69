/**
 * The data for one guest, delivered in both ways: by the drive that Proxmox VE writes from its options, and by our image.
 * The fake stands for Proxmox VE; recordings of a real server are replayed against what it writes.
 */
import fc from './fast-check.ts';
import { planCloudInit } from '../../controllers/virtualmachine/cloud-init/plan.ts';
import type { CloudInitPlan } from '../../controllers/virtualmachine/model/cloud-init.ts';
import type { DesiredNic } from '../../controllers/virtualmachine/model/desired.ts';
import type { GuestConfig } from '../../controllers/shared/guests/model.ts';
import { resolverIn } from '../../src/cloudinit/index.ts';
import { generatedFiles } from '../fakepve/cloudinit.ts';
import { Guest } from '../fakepve/guest.ts';
import { readIso } from '../fakepve/iso9660.ts';
import { aDesiredVm, aDigest, aGuest, aMark, TEMPLATE_CONFIG } from './guests.ts';
import { aVirtualMachine } from './objects.ts';
import { isoStorage } from './views.ts';

export interface GuestData {
  readonly name: string;
  readonly userData: string | undefined;
  readonly sshKeys: readonly string[];
  readonly nics: readonly DesiredNic[] | undefined;
  /** Options of the template. */
  readonly template: GuestConfig;
}

export interface Files {
  readonly user: string;
  readonly network: string;
  readonly vendor: string;
  readonly meta: string;
}

const BOTH_KEYS = [
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJscscHStQhxxPat6mmcGWgN9iFmWZC6gc9arYFPqajm one@example.com',
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuTu4KtM3CD+j4+QMV13z10Tuo66wDDeNBhiyYEd8Fr two@example.com',
];

const some = <T>(...values: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...values]);

const staticIP = fc.record(
  {
    address: fc.constantFrom('192.0.2.9/24', '198.51.100.7/28', '10.20.0.5/8'),
    dns: some('192.0.2.53', '2001:db8::53'),
    gateway: fc.constant(true),
  },
  { requiredKeys: ['address', 'dns'] },
);
const GATEWAYS: Readonly<Record<string, string>> = {
  '192.0.2.9/24': '192.0.2.1',
  '198.51.100.7/28': '198.51.100.1',
  '10.20.0.5/8': '10.0.0.1',
};

const ipv6 = fc.constantFrom(
  { address: 'auto' },
  { address: 'dhcp' },
  { address: '2001:db8::9/64' },
  { address: '2001:db8::9/64', gateway: '2001:db8::1' },
  { address: '2001:db8:1::9/128', gateway: 'fe80::1' },
);

const nic = fc
  .record({ fixed: fc.option(staticIP), six: fc.option(ipv6), mtu: fc.option(fc.constantFrom('1', '9000')) })
  .map(({ fixed, six, mtu }): Omit<DesiredNic, 'name'> => {
    const gateway = fixed?.gateway && GATEWAYS[fixed.address];
    return {
      bridge: 'vmbr0',
      ...(fixed && { staticIP: { address: fixed.address, dns: fixed.dns, ...(gateway && { gateway }) } }),
      ...(six && { ipv6: six }),
      ...(mtu !== null && { settings: { mtu } }),
    };
  });

const userData = fc
  .record({
    user: fc.constantFrom('', 'user: ubuntu', 'user: root'),
    upgrade: fc.constantFrom('', 'package_upgrade: true', 'package_upgrade: no'),
    keys: fc.constantFrom('', `ssh_authorized_keys: ["${BOTH_KEYS[0] ?? ''}"]`),
    hostname: fc.constantFrom('', 'hostname: web'),
  })
  .map((lines) => ['#cloud-config', ...Object.values(lines), ''].join('\n'));

const template = fc.record(
  {
    ciuser: fc.constantFrom('debian', 'root'),
    sshkeys: fc.constant(encodeURIComponent(`${BOTH_KEYS[1] ?? ''}\n`)),
    nameserver: fc.constantFrom('192.0.2.54', '192.0.2.54 2001:db8::54'),
    searchdomain: fc.constant('example.net'),
    ipconfig0: fc.constantFrom('ip=dhcp,ip6=auto', 'ip=dhcp', 'ip=192.0.2.77/24,gw=192.0.2.1', 'ip6=dhcp'),
  },
  { requiredKeys: [] },
);

/** Data that the drive of Proxmox VE can express. */
export const guestData: fc.Arbitrary<GuestData> = fc.record({
  name: fc.constantFrom('web', 'web.example.com'),
  userData: fc.option(userData, { nil: undefined }),
  sshKeys: some(...BOTH_KEYS),
  nics: fc.option(
    fc
      .array(nic, { minLength: 1, maxLength: 3 })
      .map((nics) => nics.map((each, index) => ({ name: `lan${index}`, ...each }))),
    { nil: undefined },
  ),
  template,
});

const optionsOf = ({ name, nics, template: options }: GuestData): GuestConfig => {
  const devices = (nics ?? [undefined]).map((each, index): [string, string] => {
    const mtu = each?.settings?.mtu === undefined ? '' : `,mtu=${each.settings.mtu}`;
    return [`net${index}`, `virtio=BC:24:11:00:00:0${index},bridge=vmbr0${mtu}`];
  });
  return { ...TEMPLATE_CONFIG, ...Object.fromEntries(devices), ...options, name };
};

const inFake = (config: GuestConfig): Guest => new Guest(101, 'pve-1', new Map(Object.entries(config)));

function planOf(data: GuestData, metaData: string | undefined): CloudInitPlan {
  const config = optionsOf(data);
  const vm = aVirtualMachine({ status: { cloneType: 'Linked' } });
  const guest = aGuest({ config, mark: aMark(), running: false });
  const cloudInit = {
    userData: data.userData,
    sshKeys: data.sshKeys,
    ...(metaData !== undefined && { metaData }),
  };
  return planCloudInit(vm, { ...aDesiredVm({ name: data.name, nics: data.nics }), cloudInit }, guest, {
    isoStorage: undefined,
    storages: [isoStorage()],
    digest: aDigest,
    resolver: resolverIn(generatedFiles(inFake(config)).network),
  });
}

/** What Proxmox VE writes after the plan was carried out; fails if its drive is not used. */
export function byProxmox(data: GuestData): Files {
  const { mode, keys, problem } = planOf(data, undefined);
  if (mode !== 'Native') throw new Error(`not by the drive of Proxmox VE: ${problem?.message ?? mode}`);
  const config = Object.fromEntries(
    Object.entries(optionsOf(data)).filter(([key]) => !keys.delete.includes(key)),
  );
  const texts = Object.fromEntries(Object.entries(keys.set).map(([key, value]) => [key, String(value)]));
  return { ...generatedFiles(inFake({ ...config, ...texts })), vendor: '' };
}

/** The same in an image, for which meta-data of the user's own is a reason that says nothing itself. */
export function byImage(data: GuestData): Files {
  const plan = planOf(data, '{}');
  if (plan.mode !== 'Image') throw new Error(`not by an image: ${plan.problem?.message ?? plan.mode}`);
  const files = new Map(
    [...readIso(Buffer.from(plan.build()))].map(([name, bytes]) => [name, bytes.toString('utf8')]),
  );
  const textOf = (name: string): string => files.get(name) ?? '';
  return {
    user: textOf('user-data'),
    network: textOf('network-config'),
    vendor: textOf('vendor-data'),
    meta: textOf('meta-data'),
  };
}
