import { describe, expect, test } from '@jest/globals';
import { newGuestSettings } from '../../../../../controllers/virtualmachine/placement/new-guest.ts';
import { bytes, GiB, nodeName } from '../../../../../src/lib/units.ts';
import { aDesiredVm } from '../../../../builders/guests.ts';
import { aVirtualMachine, UID } from '../../../../builders/objects.ts';

const ROOM = { maxCpus: 8, nodeCpus: 16 };
const CREATION = { ok: true, node: nodeName('pve-1'), rootStorage: 'local-lvm' } as const;

const settings = (
  change: Parameters<typeof aDesiredVm>[0] = {},
  site: { readonly release?: string; readonly storageType?: string } = {},
) =>
  newGuestSettings(
    aVirtualMachine(),
    aDesiredVm({
      withoutTemplate: true,
      rootDisk: bytes(20 * GiB),
      nics: [{ name: 'lan', bridge: 'vmbr0' }],
      boot: [{ disk: 'root' }, { cdrom: 'install' }, { network: 'lan' }],
      cdroms: [{ name: 'install', volume: 'local:iso/debian.iso' }],
      ...change,
    }),
    CREATION,
    { room: ROOM, release: site.release, storageType: site.storageType ?? 'lvmthin' },
  );

describe('a guest without a template is made', () => {
  test('with everything that its spec and its class say, the mark and the UUID', () => {
    expect(settings()).toMatchObject({
      name: 'web',
      description: expect.stringContaining(UID),
      ostype: 'l26',
      scsihw: 'virtio-scsi-single',
      scsi0: 'local-lvm:20',
      ide0: 'local:iso/debian.iso,media=cdrom',
      net0: expect.stringMatching(/^virtio=.*,bridge=vmbr0$/),
      boot: 'order=scsi0;ide0;net0',
      cores: 8,
      agent: 'enabled=1',
      smbios1: `uuid=${UID}`,
    });
  });

  test('with the options of its disk, and a format where disks are files', () => {
    const root = { options: { discard: true, iothread: true, ssd: true } };
    expect(settings({ root }, { storageType: 'dir' })['scsi0']).toBe(
      'local-lvm:20,format=qcow2,discard=on,ssd=1,iothread=1',
    );
    expect(settings({ provisioning: 'thick' }, { storageType: 'dir' })['scsi0']).toBe('local-lvm:20');
  });

  test('with the firmware of its class, as its version of Proxmox VE knows it', () => {
    const firmware = { bios: 'ovmf', machine: 'q35', tpm: 'v2.0' } as const;
    expect(settings(firmware)).toMatchObject({
      bios: 'ovmf',
      machine: 'q35',
      efidisk0: 'local-lvm:1,efitype=4m,pre-enrolled-keys=0',
      tpmstate0: 'local-lvm:1,version=v2.0',
    });
    const old = settings(firmware, { release: '7.0' });
    expect(old['efidisk0']).toBe('local-lvm:1');
    expect(old).not.toHaveProperty('tpmstate0');
  });

  test('with what its spec says of itself', () => {
    const options = { description: 'The shop.', onBoot: true, protection: true, tags: ['a'] };
    const made = settings({ options });
    expect(made).toMatchObject({
      onboot: 1,
      protection: 1,
      description: expect.stringMatching(/^The shop\./),
    });
    // PVE may refuse tags alone, and they are written alone.
    expect(made['tags']).toBeUndefined();
  });

  test.each([
    ['user data', { cloudInit: { userData: '#cloud-config\n', sshKeys: [] } }],
    ['an SSH key', { cloudInit: { userData: undefined, sshKeys: ['ssh-ed25519 AAAA'] } }],
    [
      'a static address',
      { nics: [{ name: 'lan', bridge: 'vmbr0', staticIP: { address: '192.0.2.10/24', dns: [] } }] },
    ],
  ])('without the UUID where %s is delivered first, and is not protected before', (_what, change) => {
    const made = settings({
      cloudInit: { userData: undefined, sshKeys: [] },
      options: { protection: true },
      ...change,
    });
    expect(made).not.toHaveProperty('smbios1');
    expect(made).not.toHaveProperty('protection');
    expect(made).toHaveProperty('description', expect.stringContaining(UID));
  });

  test('with the UUID where nothing is delivered', () => {
    expect(settings({ cloudInit: { userData: undefined, sshKeys: [] } })).toHaveProperty('smbios1');
  });

  test('without what the version of Proxmox VE does not have', () => {
    const hardware = { vga: { type: 'virtio-gl' } };
    const nics = [{ name: 'lan', bridge: 'vmbr0', settings: { queues: '32' } }];
    const old = settings({ hardware, nics }, { release: '7.0' });
    expect(old).not.toHaveProperty('vga');
    expect(old['net0']).not.toContain('queues');
    const current = settings({ hardware, nics }, { release: '9.2' });
    expect(current).toMatchObject({ vga: 'virtio-gl', net0: expect.stringContaining('queues=32') });
  });

  test('with its root disk on the bus that the spec names, and the boot order to match', () => {
    expect(settings({ root: { options: {}, bus: 'sata' } })).toMatchObject({
      sata0: 'local-lvm:20',
      boot: 'order=sata0;ide0;net0',
    });
  });

  test('with the controller and the system of its class', () => {
    const options = { iothread: true };
    const made = settings({ osType: 'win11', scsiController: 'lsi', root: { options } });
    expect(made).toMatchObject({ ostype: 'win11', scsihw: 'lsi', scsi0: 'local-lvm:20' });
  });
});
