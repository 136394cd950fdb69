import { describe, expect, test } from '@jest/globals';
import { cloudInitChange } from '../../../../../controllers/virtualmachine/cloud-init/afterwards.ts';
import { digestsOf } from '../../../../../controllers/virtualmachine/cloud-init/delivered-digests.ts';
import { cloudInitDifferences } from '../../../../../controllers/virtualmachine/cloud-init/differences.ts';
import { configChange } from '../../../../../controllers/virtualmachine/config/change.ts';
import { isNew } from '../../../../../controllers/virtualmachine/config/is-new.ts';
import {
  planCloudInit,
  type CloudInitContext,
} from '../../../../../controllers/virtualmachine/cloud-init/plan.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { VirtualMachineStatus } from '../../../../../src/api/index.ts';
import { digestWith } from '../../../../../src/lib/hash.ts';
import {
  aDigest,
  aGuest,
  aMark,
  aDesiredVm,
  configOf,
  NOW,
  TEMPLATE_CONFIG,
  type Wanted,
} from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { aStorage, isoStorage } from '../../../../builders/views.ts';

const { ide2: SEED_DRIVE, ...WITHOUT_DRIVE } = TEMPLATE_CONFIG;
const NATIVE = { cloudInit: { userData: '#cloud-config\nuser: deploy\n', sshKeys: [] } };
const IMAGE = { cloudInit: { userData: '#cloud-config\npackages: [nginx]\n', sshKeys: [] } };

interface Case {
  readonly want?: Partial<Wanted>;
  readonly config?: GuestConfig;
  readonly status?: VirtualMachineStatus;
  readonly places?: Partial<CloudInitContext>;
}

function planned({ want = {}, config = TEMPLATE_CONFIG, status, places = {} }: Case) {
  const vm = aVirtualMachine({ status: { cloneType: 'Linked', ...status } });
  const guest = aGuest({ config, mark: aMark(), running: false });
  const desired = aDesiredVm(want);
  const known = { ...desired, cloudInit: desired.cloudInit ?? { userData: undefined, sshKeys: [] } };
  const plan = planCloudInit(vm, known, guest, {
    isoStorage: undefined,
    storages: [isoStorage()],
    digest: aDigest,
    ...places,
  });
  return {
    plan,
    change:
      configChange(vm, desired, guest, { cloudInit: plan, maxCpus: 8, nodeCpus: 16 }) ??
      cloudInitChange(vm, guest, { plan, now: NOW }),
    differences: isNew(vm, guest) ? [] : cloudInitDifferences(desired, guest, plan),
  };
}

describe('the way cloud-init data takes', () => {
  test('is none where nothing is asked and the template has no drive', () => {
    expect(planned({ config: WITHOUT_DRIVE }).plan).toMatchObject({
      mode: 'None',
      keys: { set: {}, delete: [] },
    });
  });

  test("is PVE's own drive where the template has one, and its user stays as the template says", () => {
    const { plan } = planned({
      config: { ...TEMPLATE_CONFIG, ciuser: 'ubuntu', cipassword: '***', ipconfig1: 'ip=dhcp' },
    });
    expect(plan).toMatchObject({ mode: 'Native', keys: { set: { ipconfig0: 'ip=dhcp', ciupgrade: '0' } } });
    expect(plan.keys.set).not.toHaveProperty('ide2');
    expect(plan.keys.delete).toContain('ipconfig1');
    for (const key of ['ciuser', 'cipassword', 'sshkeys', 'cicustom'])
      expect(plan.keys.delete).not.toContain(key);
  });

  test("takes the template's password away where the VM names a user itself", () => {
    expect(planned({ want: NATIVE }).plan.keys).toMatchObject({
      set: { ciuser: 'deploy' },
      delete: expect.arrayContaining(['cipassword']),
    });
  });

  test('gets a drive on the storage of the root disk where the template has none', () => {
    expect(planned({ want: NATIVE, config: WITHOUT_DRIVE }).plan.keys.set['ide2']).toBe(
      'local-lvm:cloudinit',
    );
  });

  test("is an image of ours where PVE's drive cannot say it, in the slot of that drive", () => {
    const { plan } = planned({ want: IMAGE, config: { ...WITHOUT_DRIVE, scsi1: SEED_DRIVE! } });
    expect(plan).toMatchObject({
      mode: 'Image',
      seed: { storage: 'local', recorded: false, uploaded: false },
    });
    expect(plan.keys.set['scsi1']).toBe(`${plan.seed!.volume},media=cdrom`);
    expect(plan.keys.delete).not.toContain('scsi1');
    expect(Object.keys(plan.keys.set)).toEqual(['scsi1']);
    expect(plan.build().length).toBeGreaterThan(0);
  });

  const DISK = 'local-lvm:vm-101-disk-7,size=8G';
  const FULL = Object.fromEntries(
    ['ide0', 'ide1', 'ide2', 'ide3'].map((slot) => [slot, DISK.replace('7', slot)]),
  );

  test.each([
    ['an image', IMAGE],
    ["Proxmox VE's own drive", NATIVE],
  ])('puts %s into no slot that holds a disk', (_what, want) => {
    const { plan, change } = planned({ want, config: { ...WITHOUT_DRIVE, ide2: DISK } });
    expect(change?.set).not.toHaveProperty('ide2');
    expect(plan.keys.set['ide0']).toMatch(/media=cdrom|:cloudinit/);
  });

  test('is refused before anything is made where no slot is free', () => {
    const arm = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [`scsi${n + 1}`, `local-lvm:vm-101-disk-${n + 1}`]),
    );
    for (const want of [IMAGE, NATIVE]) {
      const { change } = planned({ want, config: { ...WITHOUT_DRIVE, ...FULL, ...arm, arch: 'aarch64' } });
      expect(change).toMatchObject({ set: {}, delete: [], seedProblem: { reason: 'NoCloudInitSlot' } });
      expect(change?.seedProblem?.message).toContain('VM 101 has no free slot');
    }
  });

  test('is recorded only under the very name', () => {
    const volume = planned({ want: IMAGE }).plan.seed!.volume;
    const recorded = (name: string) =>
      planned({ want: IMAGE, status: { internal: { cloudInit: { mode: 'Image', volume: name } } } }).plan.seed
        ?.recorded;
    expect([recorded(volume), recorded('local:iso/other.iso')]).toEqual([true, false]);
  });

  test('is refused where the user-data is nothing that cloud-init knows', () => {
    const { change } = planned({ want: { cloudInit: { userData: 'packages: [nginx]', sshKeys: [] } } });
    expect(change?.seedProblem?.reason).toBe('CloudInitInvalid');
  });
});

describe('the layout of an image', () => {
  const labelOf = (config: GuestConfig) => {
    const bytes = Buffer.from(
      planned({ want: IMAGE, config: { ...TEMPLATE_CONFIG, ...config } }).plan.build(),
    );
    return bytes.toString('latin1', 16 * 2048 + 40, 16 * 2048 + 72).trim();
  };

  test.each([
    [{}, 'cidata'],
    [{ ostype: 'l26' }, 'cidata'],
    [{ ostype: 'win11' }, 'config-2'],
    [{ ostype: 'w2k8' }, 'config-2'],
    [{ ostype: 'win11', citype: 'nocloud' }, 'cidata'],
    [{ ostype: 'l26', citype: 'configdrive2' }, 'config-2'],
  ])('for a template with %j has the label %s, as the drive of Proxmox VE', (config, label) => {
    expect(labelOf(config)).toBe(label);
  });

  test('is refused where the operator cannot write it', () => {
    const { change } = planned({ want: IMAGE, config: { ...TEMPLATE_CONFIG, citype: 'opennebula' } });
    expect(change).toMatchObject({ set: {}, seedProblem: { reason: 'CloudInitTypeUnsupported' } });
    expect(change?.seedProblem?.message).toContain('opennebula');
  });

  test('is no concern of what the drive of Proxmox VE can express', () => {
    const { change } = planned({ want: NATIVE, config: { ...TEMPLATE_CONFIG, citype: 'opennebula' } });
    expect(change?.seedProblem).toBeUndefined();
  });
});

describe('the digest of user-data', () => {
  test('changes with the format that the spec names', () => {
    const digest = (userDataFormat?: 'Raw' | 'Base64') =>
      planned({
        want: {
          cloudInit: { userData: '#!/bin/sh', sshKeys: [], ...(userDataFormat && { userDataFormat }) },
        },
      }).plan.digests?.userData;
    expect(new Set([digest(), digest('Raw'), digest('Base64')]).size).toBe(3);
  });
});

describe('the storage of an image', () => {
  const storageOf = (places: Partial<CloudInitContext>) => {
    const { plan } = planned({ want: IMAGE, places });
    return plan.seed?.storage ?? plan.problem?.reason;
  };

  test('is a shared one before a local one, then the first by name', () => {
    expect(
      storageOf({
        storages: [
          isoStorage(),
          isoStorage({ shared: true }, 'nfs-b'),
          isoStorage({ shared: true }, 'nfs-a'),
        ],
      }),
    ).toBe('nfs-a');
  });

  test('is the one that the Provider names, and no other', () => {
    const storages = [isoStorage(), isoStorage({}, 'isos')];
    expect(storageOf({ storages, isoStorage: 'isos' })).toBe('isos');
    expect(storageOf({ storages, isoStorage: 'nope' })).toBe('NoIsoStorage');
  });

  test.each([
    ['on another node', isoStorage({ node: 'pve-2' })],
    ['not available', isoStorage({ status: 'unknown' })],
    ['without content type iso', aStorage()],
  ])('is none that is %s', (_what, storage) => {
    expect(storageOf({ storages: [storage] })).toBe('NoIsoStorage');
  });
});

describe('a guest that was adopted', () => {
  test('with a disk on ide2 keeps it when new data is delivered', () => {
    const config = configOf(aMark(), {
      smbios1: 'uuid=22222222-2222-2222-2222-222222222222',
      ide2: 'local-lvm:vm-101-disk-1,size=8G',
    });
    const before = digestsOf({ ...aDesiredVm(), cloudInit: NATIVE.cloudInit }, aDigest);
    const { change, plan } = planned({
      want: { cloudInit: { ...IMAGE.cloudInit, onChange: 'NextBoot' } },
      config,
      status: {
        cloneType: undefined,
        adopted: true,
        internal: { cloudInit: { mode: 'None', deliveredDigests: before } },
      },
    });
    expect(change?.set).toEqual({ ide0: `${plan.seed!.volume},media=cdrom` });
    expect(change?.delete).toEqual([]);
  });

  test('keeps the network, the user and the identity that it came with', () => {
    const adopted = {
      want: { ...NATIVE, nics: [{ name: 'lan', bridge: 'vmbr0' }] },
      status: { cloneType: undefined },
    };
    expect(planned(adopted).change).toBeUndefined();
  });
});

describe('after the guest was made', () => {
  const made = (config: GuestConfig = {}) =>
    configOf(aMark(), {
      ide2: SEED_DRIVE!,
      ciuser: 'deploy',
      ciupgrade: '0',
      ipconfig0: 'ip=dhcp',
      ...config,
    });

  const given = (desired: Partial<Wanted>) => {
    const { cloudInit = { userData: undefined, sshKeys: [] }, ...rest } = aDesiredVm(desired);
    return digestsOf({ ...rest, cloudInit }, aDigest);
  };
  const ROOT = '#cloud-config\nuser: root\n';

  test('user-data-change-sets-condition: it is not written again, but reported with the part that changed', () => {
    const later = planned({
      want: { cloudInit: { userData: ROOT, sshKeys: ['ssh-ed25519 AAAA me'] } },
      config: made(),
      status: { internal: { cloudInit: { mode: 'Native', deliveredDigests: given(NATIVE) } } },
    });
    expect(later.change).toBeUndefined();
    expect(later.differences).toEqual([
      expect.stringContaining('was given older user-data, SSH keys: cloud-init reads'),
    ]);
  });

  test('nothing is reported where nothing changed, or where the spec ignores changes', () => {
    const status = { internal: { cloudInit: { mode: 'Native' as const, deliveredDigests: given(NATIVE) } } };
    expect(planned({ want: NATIVE, config: made(), status }).differences).toEqual([]);
    const ignored = { cloudInit: { userData: ROOT, sshKeys: [], onChange: 'Ignore' as const } };
    expect(planned({ want: ignored, config: made(), status })).toMatchObject({
      differences: [],
      change: undefined,
    });
  });

  test('nothing can be said of what was given before there were digests, or under another key', () => {
    const other = digestsOf({ ...aDesiredVm(), cloudInit: IMAGE.cloudInit }, digestWith(new Uint8Array([1])));
    for (const some of [{}, { deliveredDigests: other }])
      expect(
        planned({
          want: NATIVE,
          config: made(),
          status: { internal: { cloudInit: { mode: 'Native', ...some } } },
        }).differences,
      ).toEqual([]);
  });

  test('a change made in Proxmox VE is reported and kept', () => {
    const status = { internal: { cloudInit: { mode: 'Native' as const, deliveredDigests: given(NATIVE) } } };
    const { differences, change } = planned({ want: NATIVE, config: made({ ciuser: 'eve' }), status });
    expect(differences).toEqual([expect.stringContaining('ciuser')]);
    expect(change).toBeUndefined();
  });

  describe('data to be delivered at the next boot', () => {
    const next = { cloudInit: { userData: '#!/bin/sh\n', sshKeys: [], onChange: 'NextBoot' as const } };

    test('is an image for another instance, and nothing is reported', () => {
      const { plan, change, differences } = planned({
        want: next,
        config: made(),
        status: {
          internal: { cloudInit: { mode: 'Image', deliveredDigests: given(IMAGE), instanceRevision: 2 } },
        },
      });
      expect(differences).toEqual([]);
      expect(plan).toMatchObject({ mode: 'Image', renews: true, instance: 3 });
      expect(change?.seed?.volume).toBe(plan.seed?.volume);
      expect(new TextDecoder('latin1').decode(plan.build())).toContain(`instance-id: "${aMark().uid}-3"`);
    });

    test("empties Proxmox VE's own drive before the image is put into it, so that its volume is freed", () => {
      const cloudInit = { mode: 'Native' as const, deliveredDigests: given(NATIVE) };
      const delivered = (config: GuestConfig) =>
        planned({ want: next, config: made(config), status: { internal: { cloudInit } } });
      const first = delivered({}).change;
      expect(first).toMatchObject({ set: { ide2: 'none,media=cdrom' }, delete: [] });
      // The image is on its storage before the drive is emptied.
      expect(first?.seed?.uploaded).toBe(false);
      const second = delivered({ ide2: 'none,media=cdrom' });
      expect(second.change?.set).toEqual({ ide2: `${second.plan.seed!.volume},media=cdrom` });
    });

    test('stays in the drive where the first data was, even if other drives are empty', () => {
      const { change, plan } = planned({
        want: next,
        config: made({ ide2: 'none,media=cdrom', sata3: 'none,media=cdrom' }),
        status: {
          internal: { cloudInit: { mode: 'Image', device: 'sata3', deliveredDigests: given(IMAGE) } },
        },
      });
      expect(change?.set).toEqual({ sata3: `${plan.seed!.volume},media=cdrom` });
    });

    test('waits until the drive has released of the former image', () => {
      const volume = 'local:iso/virtrigaud-101-0123456789abcdef01234567.iso';
      const { change } = planned({
        want: next,
        config: made({ ide2: `${volume},media=cdrom,size=366K` }),
        status: { internal: { cloudInit: { mode: 'Image', deliveredDigests: given(IMAGE), volume } } },
      });
      expect(change).toEqual({ set: { ide2: 'none,media=cdrom' }, delete: [], ejects: true });
    });

    test("is written into Proxmox VE's own drive where that is enough", () => {
      const { change } = planned({
        want: { cloudInit: { userData: ROOT, sshKeys: [], onChange: 'NextBoot' } },
        config: made(),
        status: { internal: { cloudInit: { mode: 'Native', deliveredDigests: given(NATIVE) } } },
      });
      expect(change).toEqual({ set: { ciuser: 'root' }, delete: [] });
    });

    test('changes nothing when only bridge, tag or name of the image are others', () => {
      const nics = [{ name: 'lan', bridge: 'vmbr1', vlan: 7 }];
      const { plan } = planned({
        want: { ...next, nics },
        config: made(),
        status: {
          internal: {
            cloudInit: {
              mode: 'Image',
              deliveredDigests: given({ ...next, nics: [{ name: 'lan', bridge: 'vmbr0' }] }),
            },
          },
        },
      });
      expect(plan).toMatchObject({ changed: [], renews: false, instance: 0 });
    });

    test('holds nothing else back where no storage takes the image', () => {
      const { change, differences } = planned({
        want: { ...next, cpus: 4 },
        config: made(),
        status: { internal: { cloudInit: { mode: 'Image', deliveredDigests: given(IMAGE) } } },
        places: { storages: [] },
      });
      expect(change).toEqual({ set: { vcpus: 4 }, delete: [] });
      expect(differences).toEqual([expect.stringContaining('content type "iso"')]);
    });
  });

  test('surplus NICs of the template are removed once, later only those that were ours', () => {
    const nics = [{ name: 'lan', bridge: 'vmbr0' }];
    const net1 = { net1: 'virtio=02:00:00:00:00:02,bridge=vmbr1' };
    expect(planned({ want: { nics }, config: { ...TEMPLATE_CONFIG, ...net1 } }).change?.delete).toContain(
      'net1',
    );
    const createdAt = '2026-03-01T11:00:00Z';
    expect(
      planned({ want: { nics }, config: configOf(aMark(), net1), status: { createdAt } }).change,
    ).toBeUndefined();
    const networks = [
      { name: 'lan', device: 'net0', mac: '' },
      { name: 'dmz', device: 'net1', mac: '' },
    ];
    expect(
      planned({ want: { nics }, config: configOf(aMark(), net1), status: { createdAt, networks } }).change
        ?.delete,
    ).toEqual(['net1']);
  });
});
