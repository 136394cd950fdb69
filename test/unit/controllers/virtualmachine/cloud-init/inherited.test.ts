import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { digestsOf } from '../../../../../controllers/virtualmachine/cloud-init/delivered-digests.ts';
import { planCloudInit } from '../../../../../controllers/virtualmachine/cloud-init/plan.ts';
import { templateOptions } from '../../../../../controllers/virtualmachine/cloud-init/status.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { DesiredCloudInit } from '../../../../../controllers/virtualmachine/model/desired.ts';
import type { VirtualMachineStatus } from '../../../../../src/api/index.ts';
import type { Resolver } from '../../../../../src/cloudinit/index.ts';
import { readIso } from '../../../../fakepve/iso9660.ts';
import { ED25519 } from '../../../cloudinit/input.ts';
import {
  aDigest,
  aDesiredVm,
  aGuest,
  aMark,
  TEMPLATE_CONFIG,
  type Wanted,
} from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { isoStorage } from '../../../../builders/views.ts';

const KEY = ED25519;

const TEMPLATE: GuestConfig = {
  ...TEMPLATE_CONFIG,
  ciuser: 'ubuntu',
  cipassword: '**********',
  sshkeys: encodeURIComponent(`${KEY}\n`),
  nameserver: '192.0.2.53,192.0.2.54',
  searchdomain: 'example.com',
  ipconfig0: 'ip=dhcp,ip6=auto',
};

const PACKAGES = '#cloud-config\npackages: [nginx]\n';

interface Case {
  readonly cloudInit?: Partial<DesiredCloudInit>;
  readonly want?: Partial<Wanted>;
  readonly config?: GuestConfig;
  readonly status?: VirtualMachineStatus;
  readonly resolver?: Resolver;
}

function given({ cloudInit, want, config = TEMPLATE, status, resolver }: Case) {
  const vm = aVirtualMachine({ status: { cloneType: 'Linked', ...status } });
  const guest = aGuest({ config, mark: aMark(), running: false });
  const desired = { ...aDesiredVm(want), cloudInit: { userData: undefined, sshKeys: [], ...cloudInit } };
  const plan = planCloudInit(vm, desired, guest, {
    isoStorage: undefined,
    storages: [isoStorage()],
    digest: aDigest,
    resolver,
  });
  const iso = plan.mode === 'Image' ? [...readIso(Buffer.from(plan.build()))] : [];
  return {
    plan,
    lost: plan.inherited?.dropped,
    files: Object.fromEntries(iso.map(([name, bytes]) => [name, bytes.toString('utf8')])),
    recorded: templateOptions(vm, plan, guest).template,
  };
}

describe('a VM whose data needs an image', () => {
  test("has its template's user and keys from vendor-data, and its own user-data unchanged", () => {
    const { files, plan } = given({ cloudInit: { userData: PACKAGES } });
    expect(plan.mode).toBe('Image');
    expect(files['user-data']).toBe(PACKAGES);
    expect(files['vendor-data']).toMatch(/^#cloud-config\nuser: "?ubuntu"?\nssh_authorized_keys:\n/);
    expect(files['vendor-data']).toContain(KEY);
  });

  test("has its template's servers, domains and way to get addresses", () => {
    const { files } = given({ cloudInit: { userData: PACKAGES } });
    for (const text of ['bc:24:11:00:00:01', 'dhcp4', 'ipv6_slaac', '192.0.2.54', 'example.com'])
      expect(files['network-config']).toContain(text);
  });

  test('keeps these options in its configuration, for data that is delivered later', () => {
    const { plan, recorded } = given({ cloudInit: { userData: PACKAGES } });
    for (const key of ['ciuser', 'sshkeys', 'nameserver', 'searchdomain', 'ipconfig0']) {
      expect(plan.keys.delete).not.toContain(key);
      expect(recorded?.kept).toContain(key);
    }
  });

  test('loses the password, which Proxmox VE does not show, and the snippet, and says so', () => {
    const config = { ...TEMPLATE, cicustom: 'vendor=local:snippets/v.yaml' };
    const { plan, lost, recorded } = given({ cloudInit: { userData: PACKAGES }, config });
    expect(lost?.toSorted()).toEqual(['cicustom', 'cipassword']);
    expect(plan.keys.delete).toEqual(expect.arrayContaining(['cicustom', 'cipassword']));
    expect(recorded?.dropped?.toSorted()).toEqual(['cicustom', 'cipassword']);
  });

  test.each([
    ['a user', '#cloud-config\nuser: me\npackages: []\n', 'ubuntu'],
    ['users', '#cloud-config\nusers: [{name: me}]\n', 'ubuntu'],
    ['keys', '#cloud-config\nssh_authorized_keys: [a]\npackages: []\n', KEY],
  ])('that names %s itself has not those of the template', (_what, userData, text) => {
    expect(given({ cloudInit: { userData } }).files['vendor-data'] ?? '').not.toContain(text);
  });

  test('that sets a password itself does not miss that of the template', () => {
    const { lost } = given({ cloudInit: { userData: '#cloud-config\nchpasswd: {users: []}\n' } });
    expect(lost).toEqual([]);
  });

  test('has its own networks and not those of the template, but its servers', () => {
    const nics = [{ name: 'lan', bridge: 'vmbr0', staticIP: { address: '198.51.100.7/24', dns: [] } }];
    const { files, plan } = given({ cloudInit: { userData: PACKAGES }, want: { nics } });
    expect(files['network-config']).toContain('198.51.100.7');
    expect(files['network-config']).toContain('192.0.2.53');
    expect(files['network-config']).not.toContain('slaac');
    expect(plan.keys.delete).toContain('ipconfig0');
  });

  test('without networks has no NIC for the name servers, and without addresses the first one', () => {
    const { ipconfig0: _dropped, ...config } = TEMPLATE;
    const filesOf = (want: Partial<Wanted>) =>
      given({ cloudInit: { userData: PACKAGES }, config, want }).files;
    expect(filesOf({ nics: [] })['network-config']).toBeUndefined();
    expect(filesOf({})['network-config']).toContain('bc:24:11:00:00:01');
  });

  test.each([
    ['the one of its node without any of its own', [], '203.0.113.53'],
    ['its own rather than that of its node', ['192.0.2.53'], '192.0.2.53'],
  ])('has as name server %s, and the domains of the node', (_what, dns, server) => {
    const resolver = { dns: ['203.0.113.53'], search: ['node.example'] };
    const nics = [
      { name: 'lan', bridge: 'vmbr0' },
      { name: 'dmz', bridge: 'vmbr1', staticIP: { address: '198.51.100.7/24', dns } },
    ];
    const config = { ...TEMPLATE_CONFIG, net1: 'virtio=BC:24:11:00:00:02,bridge=vmbr1' };
    for (const cloudInit of [{ userData: PACKAGES }, { ignition: '{"ignition": {"version": "3.4.0"}}' }]) {
      const { config: entries } = parse(
        given({ cloudInit, config, want: { nics }, resolver }).files['network-config'] ?? '',
      ) as { config: object[] };
      expect(entries.at(-1)).toEqual({ type: 'nameserver', address: [server], search: ['node.example'] });
    }
  });

  test('prefers the resolver of its template to that of its node', () => {
    const resolver = { dns: ['203.0.113.53'], search: ['node.example'] };
    const { files } = given({ cloudInit: { userData: PACKAGES }, resolver });
    expect(files['network-config']).not.toMatch(/203\.0\.113\.53|node\.example/);
  });

  test("has the search domain of its template as its own domain, as Proxmox VE does, but not the node's", () => {
    const nameIn = (given_: Case) =>
      parse(given({ cloudInit: { userData: PACKAGES }, ...given_ }).files['meta-data'] ?? '') as object;
    expect(nameIn({})).toMatchObject({ 'local-hostname': 'web.example.com' });
    expect(nameIn({ want: { name: 'web.lan' } })).toMatchObject({ 'local-hostname': 'web.lan' });
    const resolver = { dns: [], search: ['node.example'] };
    expect(nameIn({ config: TEMPLATE_CONFIG, resolver })).toMatchObject({ 'local-hostname': 'web' });
  });

  test('uses DHCP on its first NIC where nobody describes its NICs, also if that is not net0', () => {
    const { net0 = '', ...others } = TEMPLATE_CONFIG;
    const config = { ...others, net1: net0 };
    const { files } = given({ cloudInit: { userData: PACKAGES }, config });
    expect(parse(files['network-config'] ?? '')).toMatchObject({
      config: [{ name: 'eth1', subnets: [{ type: 'dhcp4' }] }],
    });
    expect(given({ cloudInit: { sshKeys: [KEY] }, config }).plan.keys.set).toMatchObject({
      ipconfig1: 'ip=dhcp',
    });
  });

  test('with Ignition reports the login that Ignition does not know', () => {
    const { lost, files } = given({ cloudInit: { ignition: '{"ignition": {"version": "3.4.0"}}' } });
    expect(lost?.toSorted()).toEqual(['cipassword', 'ciuser', 'sshkeys']);
    expect(files['vendor-data']).toBeUndefined();
  });

  test('has what it had from its template when data is delivered again, and nothing else', () => {
    const config = {
      ...TEMPLATE,
      smbios1: `uuid=${aMark().uid}`,
      ide2: 'none,media=cdrom',
      ciuser: 'set-by-hand',
    };
    const before = given({ cloudInit: { userData: PACKAGES } });
    const again = given({
      cloudInit: { userData: '#cloud-config\npackages: [caddy]\n', onChange: 'NextBoot' },
      config,
      status: {
        internal: {
          template: { kept: ['sshkeys'], dropped: ['cipassword'] },
          cloudInit: { mode: 'Image', deliveredDigests: before.plan.digests! },
        },
      },
    });
    expect(again.files['vendor-data']).toContain(KEY);
    expect(again.files['vendor-data']).not.toContain('set-by-hand');
    expect(again.recorded).toEqual({ kept: ['sshkeys'], dropped: ['cipassword'] });
  });
});

describe("a VM for which Proxmox VE's own drive is enough", () => {
  test('keeps the user, the password and the servers of its template', () => {
    const { plan, lost } = given({ cloudInit: { sshKeys: [KEY] } });
    expect(plan.mode).toBe('Native');
    for (const key of ['ciuser', 'cipassword', 'nameserver', 'searchdomain', 'ipconfig0'])
      expect(plan.keys.delete).not.toContain(key);
    expect(plan.keys.set['sshkeys']).toBe(encodeURIComponent(KEY));
    expect(lost).toEqual([]);
  });

  test('gets no fixed address from its template, which says so', () => {
    const config = {
      ...TEMPLATE,
      net1: 'virtio=BC:24:11:00:00:02,bridge=vmbr1',
      ipconfig0: 'ip=192.0.2.7/24,gw=192.0.2.1,ip6=auto',
      ipconfig1: 'ip6=2001:db8::7/64',
    };
    for (const cloudInit of [{ sshKeys: [KEY] }, { userData: PACKAGES }]) {
      const { plan, lost } = given({ cloudInit, config });
      expect(plan.keys.set).toMatchObject({ ipconfig0: 'ip=dhcp,ip6=auto', ipconfig1: 'ip6=auto' });
      expect(lost).toEqual(expect.arrayContaining(['ipconfig0', 'ipconfig1']));
    }
  });
});

describe('a VM that was adopted', () => {
  test('keeps the login that it came with when its first data needs an image', () => {
    const config = { ...TEMPLATE, ide2: 'none,media=cdrom' };
    const before = given({ cloudInit: {} });
    const { files, recorded } = given({
      cloudInit: { userData: PACKAGES, onChange: 'NextBoot' },
      config,
      status: {
        cloneType: undefined,
        adopted: true,
        internal: { cloudInit: { mode: 'Native', deliveredDigests: before.plan.digests! } },
      },
    });
    expect(files['vendor-data']).toContain('ubuntu');
    expect(recorded?.dropped).toEqual(['cipassword']);
  });
});

describe('name servers and the search domain of the spec', () => {
  const resolver = { dns: ['203.0.113.53', '2001:db8::53'], search: ['corp.example'] };

  test('replace those of the template in the drive of Proxmox VE, also with DHCP', () => {
    const { plan } = given({ cloudInit: { resolver } });
    expect(plan.mode).toBe('Native');
    expect(plan.keys.set).toMatchObject({
      nameserver: '203.0.113.53 2001:db8::53',
      searchdomain: 'corp.example',
    });
    expect(plan.keys.set).not.toHaveProperty('ciuser');
    expect(plan.keys.delete).not.toContain('ciuser');
  });

  test('replace them in an image as well, with the domain in the name of the host', () => {
    const { plan, files } = given({ cloudInit: { resolver, userData: PACKAGES } });
    expect(plan.mode).toBe('Image');
    expect(files['network-config']).toContain('203.0.113.53');
    expect(files['network-config']).toContain('corp.example');
    expect(files['network-config']).not.toContain('192.0.2.53');
    expect(files['meta-data']).toContain('web.corp.example');
  });

  test('come after the servers of a network', () => {
    const nics = [
      { name: 'lan', bridge: 'vmbr0', staticIP: { address: '192.0.2.10/24', dns: ['192.0.2.1'] } },
    ];
    const { plan } = given({ cloudInit: { resolver }, want: { nics } });
    expect(plan.keys.set['nameserver']).toBe('192.0.2.1 203.0.113.53 2001:db8::53');
    const { files } = given({ cloudInit: { resolver, userData: PACKAGES }, want: { nics } });
    expect(files['network-config']?.indexOf('192.0.2.1')).toBeLessThan(
      files['network-config']?.indexOf('203.0.113.53') ?? -1,
    );
  });

  test('reach a VM whose template has no drive', () => {
    const { ide2: _drive, ...config } = TEMPLATE_CONFIG;
    expect(given({ config }).plan.mode).toBe('None');
    expect(given({ config, cloudInit: { resolver } }).plan.keys.set).toMatchObject({
      searchdomain: 'corp.example',
    });
  });

  test('count as network data when they change, and nothing changes for a VM without them', () => {
    const of = (cloudInit: Partial<DesiredCloudInit>) =>
      digestsOf({ owner: aMark(), cloudInit: { userData: undefined, sshKeys: [], ...cloudInit } }, aDigest);
    const { networkData, ...others } = of({ resolver });
    expect(networkData).not.toBe(of({}).networkData);
    expect(of({})).toMatchObject(others);
  });
});
