import { describe, expect, test } from '@jest/globals';
import { diskWork } from '../../../../../controllers/virtualmachine/disks/work.ts';
import type { RecordedDisk } from '../../../../../controllers/virtualmachine/model/disks.ts';
import type { Guest, GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import { aDesiredVm, aGuest, aMark, configOf } from '../../../../builders/guests.ts';
import { aStorage } from '../../../../builders/views.ts';

const EFI: GuestConfig = { efidisk0: 'local-lvm:vm-101-disk-1,efitype=4m,size=4M' };
const TPM: GuestConfig = { tpmstate0: 'local-lvm:vm-101-disk-2,size=4M,version=v2.0' };
const DRIVE: GuestConfig = { ide2: 'local-lvm:vm-101-cloudinit,media=cdrom,size=4M' };
const ALL = { ...EFI, ...TPM, ...DRIVE };
const BEFORE: RecordedDisk = { name: 'root', device: 'scsi0', storage: 'local-lvm' };

interface Scene {
  readonly config?: GuestConfig;
  readonly recorded?: readonly RecordedDisk[];
  /** null: the spec names no storage. */
  readonly to?: string | null;
  /** The boot disk was applied as the spec has it. */
  readonly isApplied?: boolean;
  /** Changes that others made are reverted. */
  readonly reverts?: boolean;
  readonly guest?: Partial<Guest>;
}

/** The boot disk was recorded on local-lvm, and is on ssd now. */
const work = ({
  config = ALL,
  recorded = [BEFORE],
  to = 'ssd',
  isApplied = false,
  reverts = false,
  guest = {},
}: Scene) =>
  diskWork(
    aDesiredVm({ root: { options: {}, storageClass: to ?? undefined } }),
    aGuest({ config: configOf(aMark(), { scsi0: 'ssd:vm-101-disk-0,size=10G', ...config }), ...guest }),
    {
      recorded,
      detached: [],
      storages: [aStorage(), aStorage('ssd'), aStorage('nvme')],
      isApplied: () => isApplied,
      reverts,
    },
  );
const moved = ({ steps }: ReturnType<typeof work>) =>
  steps.map((step) => (step.do === 'moveDisk' ? `${step.disk} to ${step.storage}` : step.do));
const movedFrom = ({ entries }: ReturnType<typeof work>) =>
  entries.find(({ name }) => name === 'root')?.movedFrom;
const OFF = { running: false } as const;

describe('where the boot disk was moved as the spec says', () => {
  test('the EFI disk, the TPM state and the cloud-init drive follow it once the VM is off', () => {
    const left = work({ guest: OFF });
    expect(moved(left)).toEqual(['efidisk0 to ssd', 'tpmstate0 to ssd', 'ide2 to ssd']);
    expect(left.differences).toEqual([]);
  });

  test('only the EFI disk follows while the VM runs, and the TPM state is reported', () => {
    const left = work({});
    expect(moved(left)).toEqual(['efidisk0 to ssd']);
    expect(left.differences).toEqual([
      'The TPM state is on storage local-lvm, but the boot disk was moved to ssd. Proxmox VE moves it only while the VM is off, so it follows when the VM is stopped.',
    ]);
    expect(work({ config: TPM }).open).toEqual([]);
  });

  test('what is left is remembered until nothing is left, however long that takes', () => {
    expect(movedFrom(work({}))).toEqual(['local-lvm']);
    const later: RecordedDisk = { ...BEFORE, storage: 'ssd', movedFrom: ['local-lvm'] };
    const left = { ...ALL, efidisk0: 'ssd:vm-101-disk-1,size=4M' };
    expect(moved(work({ config: left, recorded: [later], isApplied: true, guest: OFF }))).toEqual([
      'tpmstate0 to ssd',
      'ide2 to ssd',
    ]);
    expect(movedFrom(work({ config: {}, recorded: [later] }))).toBeUndefined();
  });

  test('what the boot disk leaves behind on its way over several storages follows as well', () => {
    const later: RecordedDisk = { ...BEFORE, storage: 'nvme', movedFrom: ['local-lvm'] };
    const config = { ...TPM, efidisk0: 'nvme:vm-101-disk-1,size=4M' };
    const left = work({ config, recorded: [later], guest: OFF });
    expect(moved(left)).toEqual(['efidisk0 to ssd', 'tpmstate0 to ssd']);
    expect(movedFrom(left)).toEqual(['local-lvm', 'nvme']);
  });

  test('a volume that was on another storage stays there', () => {
    expect(moved(work({ config: { efidisk0: 'nvme:vm-101-disk-1,size=4M' } }))).toEqual([]);
  });

  test('a CD stays where its image is', () => {
    const config = { ide2: 'local-lvm:iso/debian.iso,media=cdrom', ide0: 'none,media=cdrom' };
    expect(moved(work({ config, guest: OFF }))).toEqual([]);
  });

  test('a volume with snapshots or with a pending change waits, and is reported', () => {
    const snapshot = work({ config: { ...EFI, parent: 'before' } });
    expect(moved(snapshot)).toEqual([]);
    expect(snapshot.differences).toEqual([expect.stringContaining('Delete the snapshots.')]);
    const pending = [{ key: 'efidisk0', pending: 'local-lvm:vm-101-disk-1,efitype=2m' }];
    expect(moved(work({ config: EFI, guest: { pending } }))).toEqual([]);
  });
});

describe('nothing follows', () => {
  test('a boot disk that somebody else moved, or that has not arrived', () => {
    expect(moved(work({ to: null, guest: OFF }))).toEqual([]);
    expect(moved(work({ to: 'nvme', guest: OFF }))).toEqual(['scsi0 to nvme']);
  });

  test.each([
    ['back by hand', false],
    ['back by the operator, which reverts what others change', true],
  ])('a boot disk that somebody else moved away and that was moved %s', (_how, reverts) => {
    const back = work({ isApplied: true, reverts, guest: OFF });
    expect(moved(back)).toEqual([]);
    expect(movedFrom(back)).toBeUndefined();
  });

  test('where the template has them on another storage than the boot disk', () => {
    const recorded = [{ ...BEFORE, storage: 'ssd' }];
    expect(moved(work({ recorded, guest: OFF }))).toEqual([]);
    expect(moved(work({ recorded: [], guest: OFF }))).toEqual([]);
  });
});
