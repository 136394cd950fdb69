import { describe, expect, test } from '@jest/globals';
import { diskWork } from '../../../../../controllers/virtualmachine/disks/work.ts';
import type {
  DesiredDisk,
  DetachedDisk,
  RecordedDisk,
} from '../../../../../controllers/virtualmachine/model/disks.ts';
import type { StorageFacts } from '../../../../../controllers/virtualmachine/model/surroundings.ts';
import type { Guest, GuestConfig, PendingChange } from '../../../../../controllers/shared/guests/model.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aGuest, aMark, aDesiredVm, configOf } from '../../../../builders/guests.ts';
import { aStorage } from '../../../../builders/views.ts';

const data = (change: Partial<DesiredDisk> = {}): DesiredDisk => ({
  name: 'data',
  size: bytes(20 * GiB),
  storage: 'local-lvm',
  options: {},
  reclaimPolicy: 'Detach',
  ...change,
});
const VOLUME = 'local-lvm:vm-101-disk-1';
const AT_SCSI1: GuestConfig = { scsi1: `${VOLUME},serial=data,size=20G` };
const RECORDED: RecordedDisk = {
  name: 'data',
  device: 'scsi1',
  volume: VOLUME,
  storage: 'local-lvm',
  size: '20Gi',
  reclaimPolicy: 'Detach',
};
const NOTED: RecordedDisk = { name: 'data', device: 'scsi1', reclaimPolicy: 'Detach' };

interface Scene {
  readonly disks?: readonly DesiredDisk[];
  readonly config?: GuestConfig;
  readonly pending?: readonly PendingChange[];
  readonly recorded?: readonly RecordedDisk[];
  readonly detached?: readonly DetachedDisk[];
  readonly guest?: Partial<Guest>;
  readonly rootStorage?: string;
  readonly rootDisk?: number;
  readonly storages?: readonly StorageFacts[];
  readonly leaves?: boolean;
}
const work = ({
  disks = [data()],
  config = {},
  pending = [],
  recorded = [],
  detached = [],
  guest = {},
  rootStorage,
  rootDisk,
  storages = [aStorage(), aStorage('ssd')],
  leaves = false,
}: Scene) =>
  diskWork(
    aDesiredVm({
      disks,
      ...(rootStorage !== undefined && { root: { options: {}, storageClass: rootStorage } }),
      ...(rootDisk !== undefined && { rootDisk: bytes(rootDisk) }),
    }),
    aGuest({ config: configOf(aMark(), config), pending, ...guest }),
    { recorded, detached, storages, isApplied: () => leaves },
  );
const entry = ({ entries }: ReturnType<typeof work>, name = 'data') =>
  entries.find((each) => each.name === name);

describe('a new disk', () => {
  test('has a slot that is written down before anything is put there', () => {
    const { unrecorded, steps, entries } = work({});
    expect([unrecorded, steps]).toEqual([true, []]);
    expect(entries.map(({ name, device }) => [name, device])).toEqual([
      ['root', 'scsi0'],
      ['data', 'scsi1'],
    ]);
  });

  test('is made in the slot that status has', () => {
    const { unrecorded, steps } = work({ recorded: [{ ...NOTED, device: 'scsi7' }] });
    expect(unrecorded).toBe(false);
    expect(steps).toEqual([
      {
        do: 'attachDisk',
        name: 'data',
        device: 'scsi7',
        text: 'local-lvm:20,serial=data',
        digest: 'digest-1',
      },
    ]);
  });

  test('takes the lowest slot that nothing uses, nor will until the next start', () => {
    const config = { scsi1: 'local-lvm:vm-101-disk-8,size=1G', scsi3: 'none,media=cdrom' };
    const pending = [{ key: 'scsi2', current: 'local-lvm:vm-101-disk-9,size=1G' }];
    const recorded = [{ ...RECORDED, name: 'logs', device: 'scsi4' }];
    expect(entry(work({ config, pending, recorded }))?.device).toBe('scsi5');
  });

  test('takes another slot when someone else was faster on the first', () => {
    const result = work({ config: { scsi1: 'local-lvm:vm-101-disk-8,size=1G' }, recorded: [NOTED] });
    expect(result).toMatchObject({ unrecorded: true, steps: [] });
    expect(entry(result)).toEqual({ ...NOTED, device: 'scsi2' });
  });

  test('is known by its serial number although nobody heard that it was made', () => {
    const result = work({ config: AT_SCSI1, recorded: [NOTED] });
    expect(result).toMatchObject({ unrecorded: false, steps: [] });
    expect(entry(result)).toEqual(RECORDED);
  });

  test('is known by its serial number although status was lost', () => {
    expect(entry(work({ config: { scsi4: AT_SCSI1['scsi1']! } }))).toEqual({ ...RECORDED, device: 'scsi4' });
  });

  test('that has no storage on the node is reported, and not asked for', () => {
    const { steps, unmakeable, differences } = work({
      disks: [data({ storage: 'gone' })],
      recorded: [NOTED],
    });
    expect(steps).toEqual([]);
    expect(unmakeable).toEqual([
      expect.stringContaining('storage gone is not available for disks on node pve-1'),
    ]);
    expect(differences).toEqual(unmakeable);
  });

  test('is the thirtieth at scsi30', () => {
    const disks = Array.from({ length: 30 }, (_, n) => data({ name: `d${n}` }));
    const { entries, differences } = work({ disks });
    expect(entries.map(({ device }) => device)).toEqual(Array.from({ length: 31 }, (_, n) => `scsi${n}`));
    expect(differences).toEqual([]);
  });

  test('has no room when every slot is taken', () => {
    const all = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [`scsi${n + 1}`, `a:b-${n},size=1G`]),
    );
    expect(work({ config: all }).differences).toEqual([expect.stringContaining('scsi1 to scsi30')]);
  });
});

describe('a size that the storage rounds up', () => {
  const MiB = 1024 ** 2;
  const there = (size: number, current: string, storage = 'local-lvm') =>
    work({
      disks: [data({ size: bytes(size) })],
      config: { scsi1: `${storage}:vm-101-disk-1,serial=data,size=${current}` },
      recorded: [{ ...RECORDED, volume: `${storage}:vm-101-disk-1`, storage }],
      storages: [aStorage(), aStorage('files', { type: 'dir' })],
    });

  test('is no difference: to extents of LVM, or to KiB', () => {
    expect(there(10_001 * MiB, '10004M')).toMatchObject({ steps: [], differences: [] });
    expect(there(1_500_000_000, '1464844K', 'files')).toMatchObject({ steps: [], differences: [] });
    expect(there(10_001 * MiB, '10005M').differences).toEqual([
      expect.stringContaining('cannot shrink disks'),
    ]);
  });

  test('is grown to in whole extents, since the volume has more than the configuration says', () => {
    expect(there(10_003 * MiB, '10001M').steps).toEqual([]);
    expect(there(10_005 * MiB, '10001M').steps).toMatchObject([{ do: 'growDisk', to: 10_008 * MiB }]);
    expect(there(1_500_000_000, '1G', 'files').steps).toMatchObject([
      { do: 'growDisk', to: 1_464_844 * 1024 },
    ]);
  });

  test('does not keep a volume from coming back', () => {
    const { steps, differences } = work({
      disks: [data({ size: bytes(10_001 * MiB) })],
      config: { unused0: VOLUME },
      recorded: [NOTED],
      detached: [{ disk: 'data', volume: VOLUME, size: '10004Mi' }],
    });
    expect(differences).toEqual([]);
    expect(steps).toMatchObject([{ do: 'attachDisk', text: `${VOLUME},serial=data` }]);
  });

  test('of the boot disk is no difference', () => {
    const config = { scsi0: 'local-lvm:vm-101-disk-0,size=10004M' };
    expect(work({ disks: [], config, rootDisk: 10_001 * MiB })).toMatchObject({ steps: [], differences: [] });
  });
});

describe('a disk that is there', () => {
  const there = (change: Partial<DesiredDisk>, config = AT_SCSI1) =>
    work({ disks: [data(change)], config, recorded: [RECORDED] });

  test('grows', () => {
    expect(there({ size: bytes(40 * GiB) }).steps).toEqual([
      { do: 'growDisk', disk: 'scsi1', to: 40 * GiB, digest: 'digest-1' },
    ]);
  });

  test('is reported where it should be smaller', () => {
    const { steps, differences } = there({ size: bytes(5 * GiB) });
    expect(steps).toEqual([]);
    expect(differences).toEqual([expect.stringContaining('Disk data has 20Gi, but the spec says 5Gi')]);
  });

  test('is never imported again', () => {
    expect(there({ size: undefined, importFrom: 'local:import/a.qcow2' })).toMatchObject({
      steps: [],
      unrecorded: false,
    });
  });

  test('is measured by what runs, not by a change that waits for the next start', () => {
    const pending = [{ key: 'scsi1', current: `${VOLUME},serial=data,size=20G`, pending: 'x' }];
    const config = { scsi1: `${VOLUME},serial=data,size=10G,ssd=1` };
    const result = work({ config, pending, recorded: [RECORDED] });
    expect(result.steps).toEqual([]);
    expect(entry(result)?.size).toBe('20Gi');
  });

  test('does not grow before it is in force', () => {
    const pending = [{ key: 'scsi1', pending: AT_SCSI1['scsi1']! }];
    const disks = [data({ size: bytes(40 * GiB) })];
    expect(work({ disks, config: AT_SCSI1, pending, recorded: [RECORDED] }).steps).toEqual([]);
  });

  test('is followed to another slot and another volume that a person gave it', () => {
    expect(entry(work({ config: { scsi9: `${VOLUME},size=20G` }, recorded: [RECORDED] }))?.device).toBe(
      'scsi9',
    );
    const moved = { scsi1: 'ceph:vm-101-disk-4,serial=data,size=20G' };
    expect(entry(there({}, moved))).toMatchObject({ volume: 'ceph:vm-101-disk-4', storage: 'ceph' });
  });

  test('is neither replaced nor touched when someone took it off or put another there', () => {
    const off = work({ recorded: [RECORDED] });
    const other = work({ config: { scsi1: 'local-lvm:vm-101-disk-9,size=1G' }, recorded: [RECORDED] });
    for (const { steps, unrecorded, differences } of [off, other]) {
      expect([steps, unrecorded]).toEqual([[], false]);
      expect(differences).toEqual([expect.stringContaining('was detached in Proxmox VE')]);
    }
    expect(entry(off)).toEqual(RECORDED);
  });
});

describe('disk-rename-never-remaps-slot', () => {
  test('a new name is a new disk in a slot of its own, and the old one is detached', () => {
    const result = work({ disks: [data({ name: 'db' })], config: AT_SCSI1, recorded: [RECORDED] });
    expect(entry(result, 'db')?.device).toBe('scsi2');
    expect(entry(result, 'data')?.device).toBe('scsi1');
    expect(result.steps).toEqual([{ do: 'detachDisk', name: 'data', device: 'scsi1', digest: 'digest-1' }]);
  });

  test('another order changes nothing', () => {
    const recorded = [
      RECORDED,
      { ...RECORDED, name: 'logs', device: 'scsi2', volume: 'local-lvm:vm-101-disk-2' },
    ];
    const config = { ...AT_SCSI1, scsi2: 'local-lvm:vm-101-disk-2,serial=logs,size=20G' };
    const one = work({ disks: [data(), data({ name: 'logs' })], config, recorded });
    const other = work({ disks: [data({ name: 'logs' }), data()], config, recorded });
    for (const { steps, unrecorded } of [one, other]) expect([steps, unrecorded]).toEqual([[], false]);
    expect(entry(other)).toEqual(entry(one));
  });
});

describe('a disk that left the spec', () => {
  const left = (scene: Scene, reclaimPolicy: 'Delete' | 'Detach' = 'Delete') =>
    work({ disks: [], recorded: [{ ...RECORDED, reclaimPolicy }], ...scene });
  const UNUSED = { unused3: VOLUME };

  test('is detached, whatever becomes of it then', () => {
    for (const policy of ['Delete', 'Detach'] as const) {
      const result = left({ config: AT_SCSI1 }, policy);
      expect(result.steps).toEqual([{ do: 'detachDisk', name: 'data', device: 'scsi1', digest: 'digest-1' }]);
      expect(entry(result)).toBeDefined();
    }
  });

  test('stays unused and is forgotten, or is destroyed as the spec said last', () => {
    expect(left({ config: UNUSED }, 'Detach')).toMatchObject({ steps: [], entries: [{ name: 'root' }] });
    expect(left({ config: UNUSED }).steps).toEqual([
      { do: 'destroyDisk', name: 'data', unused: 'unused3', volume: VOLUME, digest: 'digest-1' },
    ]);
    expect(left({})).toMatchObject({ steps: [], entries: [{ name: 'root' }] });
  });

  test('is not destroyed while a snapshot may need it', () => {
    const { steps, differences, entries } = left({ config: { ...UNUSED, parent: 'before' } });
    expect(steps).toEqual([]);
    expect(differences).toEqual([expect.stringContaining('once the VM has no snapshots')]);
    expect(entries).toHaveLength(2);
  });

  test.each([
    ['is neither detached', { config: { ...AT_SCSI1, protection: '1' } }],
    ['nor destroyed', { config: { unused0: VOLUME, protection: '1' } }],
  ])('%s while the VM is protected in Proxmox VE, and says how to lift that', (_what, scene) => {
    const { steps, differences, entries } = work({
      disks: [],
      recorded: [{ ...RECORDED, reclaimPolicy: 'Delete' }],
      ...scene,
    });
    expect(steps).toEqual([]);
    expect(differences).toEqual([
      expect.stringMatching(/Disk data .* protected in Proxmox VE.* qm set 101 --protection 0/),
    ]);
    expect(entries).toHaveLength(2);
  });

  test('is detached where the VM is not protected', () => {
    const { steps } = work({
      disks: [],
      recorded: [RECORDED],
      config: { ...AT_SCSI1, protection: '0' },
    });
    expect(steps.map((step) => step.do)).toEqual(['detachDisk']);
  });

  test('is remembered while it waits for the next start', () => {
    const pending = [{ key: 'scsi1', current: AT_SCSI1['scsi1']! }];
    expect(left({ pending })).toMatchObject({ steps: [], entries: [{ name: 'root' }, { name: 'data' }] });
  });

  test('is taken back when it returns to the spec before the next start', () => {
    const pending = [{ key: 'scsi1', current: AT_SCSI1['scsi1']! }];
    expect(work({ pending, recorded: [RECORDED] }).steps).toEqual([
      { do: 'attachDisk', name: 'data', device: 'scsi1', text: AT_SCSI1['scsi1'], digest: 'digest-1' },
    ]);
  });

  test('whose volume is not the one that status knows is never destroyed', () => {
    const other = { unused0: 'local-lvm:vm-101-disk-9' };
    expect(left({ config: other }).steps).toEqual([]);
    expect(left({ config: { scsi1: 'local-lvm:vm-101-disk-9,size=1G', ...other } }).steps).toEqual([]);
  });

  test('and was never made is forgotten', () => {
    const { steps, entries } = work({ disks: [], recorded: [NOTED] });
    expect([steps, entries.length]).toEqual([[], 1]);
  });
});

describe('a disk that comes back into the spec', () => {
  const UNUSED = { unused3: VOLUME };
  const DETACHED: DetachedDisk = { disk: 'data', volume: VOLUME, size: '20Gi' };
  const attached = [
    { do: 'attachDisk', name: 'data', device: 'scsi1', text: `${VOLUME},serial=data`, digest: 'digest-1' },
  ];

  test('and was to be deleted once the snapshots are gone is attached again', () => {
    const recorded: RecordedDisk[] = [{ ...RECORDED, reclaimPolicy: 'Delete' }];
    const { steps, differences } = work({ config: { ...UNUSED, parent: 'before' }, recorded });
    expect(steps).toEqual(attached);
    expect(differences).toEqual([]);
  });

  test('and was detached is attached again, in a slot that is written down first', () => {
    const first = work({ config: UNUSED, detached: [DETACHED] });
    expect([first.steps, first.unrecorded]).toEqual([[], true]);
    expect(first.open).toEqual(['data']); // a storage that the spec names is yet to be reached
    const { steps } = work({ config: UNUSED, recorded: [NOTED], detached: [DETACHED] });
    expect(steps).toEqual(attached);
  });

  test('between its detachment and the report of it is attached again', () => {
    expect(work({ config: UNUSED, recorded: [RECORDED] }).steps).toEqual(attached);
  });

  test('has the options of the spec as it is now', () => {
    const disks = [data({ options: { cache: 'writeback', iothread: true } })];
    const { steps, differences } = work({ disks, config: UNUSED, recorded: [NOTED], detached: [DETACHED] });
    expect(steps).toMatchObject([{ text: `${VOLUME},serial=data,cache=writeback` }]);
    expect(differences.join()).toContain('iothread');
  });

  test.each<[string, Partial<DesiredDisk>, string]>([
    ['to be imported', { importFrom: 'local:import/a.qcow2' }, 'Remove importFrom'],
    ['smaller than its volume', { size: bytes(10 * GiB) }, 'of 20Gi, but the spec says 10Gi'],
  ])('%s is refused and named, and no empty disk takes its place', (_what, change, said) => {
    for (const known of [{ recorded: [RECORDED] }, { recorded: [NOTED], detached: [DETACHED] }]) {
      const { steps, differences } = work({ disks: [data(change)], config: UNUSED, ...known });
      expect(steps).toEqual([]);
      expect(differences).toEqual([expect.stringContaining(`${VOLUME} (unused3)`)]);
      expect(differences.join()).toContain(said);
    }
  });

  test('of which there are two is refused, and both are named', () => {
    const other = { ...DETACHED, volume: 'local-lvm:vm-101-disk-8' };
    const config = { ...UNUSED, unused4: other.volume };
    const { steps, differences } = work({ config, recorded: [NOTED], detached: [DETACHED, other] });
    expect(steps).toEqual([]);
    expect(differences.join()).toContain(`${VOLUME} (unused3) and ${other.volume} (unused4)`);
  });

  test('is made again only if its volume is no longer the VM’s, or is that of another disk', () => {
    const made = [expect.objectContaining({ do: 'attachDisk', text: 'local-lvm:20,serial=data' })];
    const other: DetachedDisk = { ...DETACHED, disk: 'logs' };
    expect(work({ recorded: [NOTED], detached: [DETACHED] }).steps).toEqual(made);
    expect(work({ config: UNUSED, recorded: [NOTED], detached: [other] }).steps).toEqual(made);
    expect(work({ recorded: [{ ...RECORDED, destroying: true }] }).steps).toEqual(made);
  });

  test('and that never left it is left off where somebody took it off', () => {
    const { steps, differences } = work({ config: UNUSED, recorded: [RECORDED], leaves: true });
    expect(steps).toEqual([]);
    expect(differences).toEqual([expect.stringContaining('was detached in Proxmox VE')]);
  });
});

describe('disks that we did not make', () => {
  test('are left alone, whatever the spec says', () => {
    const foreign = { scsi1: 'local-lvm:vm-101-disk-5,size=1G', virtio2: 'local-lvm:vm-101-disk-6,size=1G' };
    const { steps, entries } = work({
      disks: [],
      config: { ...foreign, unused0: 'local-lvm:vm-101-disk-7' },
    });
    expect([steps, entries.length]).toEqual([[], 1]);
  });
});

describe('the root disk', () => {
  const root = (size: number, config: GuestConfig) =>
    diskWork(aDesiredVm({ rootDisk: bytes(size) }), aGuest({ config: configOf(aMark(), config) }), {
      recorded: [],
      detached: [],
      storages: [],
      isApplied: () => false,
    });

  test.each([
    ['equal', 10 * GiB, {}],
    ['smaller', GiB, {}],
    ['of unknown size', 40 * GiB, { scsi0: 'local-lvm:vm-101-disk-0' }],
    ['absent', 40 * GiB, { scsi0: 'none,media=cdrom' }],
  ])('is left as it is where it is %s', (_what, size, config) => {
    expect(root(size, config).steps).toEqual([]);
  });

  test('that should be smaller is reported in sizes people know', () => {
    expect(root(5 * GiB, {}).differences).toEqual([
      expect.stringContaining('has 10Gi, but the spec says 5Gi'),
    ]);
  });

  test('and a disk of the firmware are not mistaken for each other', () => {
    const { steps } = root(40 * GiB, { efidisk0: 'local-lvm:vm-101-disk-2,size=4M' });
    expect(steps).toEqual([{ do: 'growDisk', disk: 'scsi0', to: 40 * GiB, digest: 'digest-1' }]);
  });
});

describe('a disk whose storageClass names another storage', () => {
  const there = { recorded: [RECORDED], disks: [data({ storageClass: 'ssd' })] };

  test('is moved there', () => {
    const { steps, differences } = work({ ...there, config: AT_SCSI1 });
    expect(steps).toEqual([
      { do: 'moveDisk', name: 'data', disk: 'scsi1', storage: 'ssd', digest: 'digest-1' },
    ]);
    expect(differences).toEqual([]);
  });

  test('is moved there if it is the boot disk', () => {
    const { steps } = work({ disks: [], rootStorage: 'ssd' });
    expect(steps).toEqual([
      { do: 'moveDisk', name: 'root', disk: 'scsi0', storage: 'ssd', digest: 'digest-1' },
    ]);
  });

  test('is grown first, so that one that cannot be moved grows all the same', () => {
    const disks = [data({ storageClass: 'ssd', size: bytes(30 * GiB) })];
    const { steps } = work({ ...there, disks, config: AT_SCSI1 });
    expect(steps.map((step) => step.do)).toEqual(['growDisk', 'moveDisk']);
  });

  test('stays while a snapshot holds it, and says so', () => {
    const { steps, differences } = work({ ...there, config: { ...AT_SCSI1, parent: 'before' } });
    expect(steps).toEqual([]);
    expect(differences).toEqual([
      'Disk data is on storage local-lvm, but the spec says ssd. It is moved once the VM has no snapshots. Delete the snapshots.',
    ]);
  });

  test('stays while a change of it waits for a restart, and says so', () => {
    const current = AT_SCSI1['scsi1'] ?? '';
    const pending = [{ key: 'scsi1', current, pending: `${current},ssd=1` }];
    const { steps, differences } = work({ ...there, config: { scsi1: `${current},ssd=1` }, pending });
    expect(steps).toEqual([]);
    expect(differences).toEqual([
      'Disk data is on storage local-lvm, but the spec says ssd. It is moved after the restart that applies its pending changes.',
    ]);
  });

  test('stays where the storage is not to be had, and says so', () => {
    const disks = [data({ storageClass: 'nowhere' })];
    const { steps, differences } = work({ ...there, disks, config: AT_SCSI1 });
    expect(steps).toEqual([]);
    expect(differences).toEqual([
      'Disk data is on storage local-lvm, but the spec says nowhere. Storage nowhere is not available for disks on node pve-1.',
    ]);
  });

  test('is open while it is to move or something holds it, and not once it was applied', () => {
    const disks = [data({ storageClass: 'nowhere' })];
    const pending = [{ key: 'scsi1', current: AT_SCSI1['scsi1'] ?? '', pending: 'x' }];
    expect(work({ ...there, config: { ...AT_SCSI1, parent: 'before' } }).open).toEqual(['data']);
    expect(work({ ...there, config: AT_SCSI1, pending }).open).toEqual(['data']);
    expect(work({ ...there, disks, config: AT_SCSI1 }).open).toEqual(['data']);
    expect(work({ ...there, config: AT_SCSI1, leaves: true }).open).toEqual([]);
    expect(work({ ...there, config: AT_SCSI1 }).open).toEqual(['data']);
  });

  test('stays where somebody else moved it, and says so', () => {
    const { steps, differences } = work({ ...there, config: AT_SCSI1, leaves: true });
    expect(steps).toEqual([]);
    expect(differences).toEqual([
      'Disk data is on storage local-lvm, but the spec says ssd. It was moved in Proxmox VE and stays there. Change the spec, or move it back.',
    ]);
  });
});

test('where the class or the Provider puts new disks moves none that exists', () => {
  expect(work({ disks: [data({ storage: 'ssd' })], recorded: [RECORDED], config: AT_SCSI1 }).steps).toEqual(
    [],
  );
});

describe('after a revert to a snapshot in which its device was that of another disk', () => {
  const config = { scsi1: 'local-lvm:vm-101-disk-7,serial=old,size=1G', unused0: VOLUME };

  test('a disk gets another device, which is written down first', () => {
    const result = work({ config, recorded: [RECORDED] });
    expect(result.unrecorded).toBe(true);
    expect(entry(result)).toMatchObject({ name: 'data', device: 'scsi2', volume: VOLUME });
  });

  test('a disk is attached there with its volume', () => {
    const { steps } = work({ config, recorded: [{ ...RECORDED, device: 'scsi2' }] });
    expect(steps).toMatchObject([{ do: 'attachDisk', name: 'data', device: 'scsi2' }]);
    expect(steps).toMatchObject([{ text: expect.stringContaining(VOLUME) }]);
  });

  test('a disk that somebody else replaced keeps its device', () => {
    expect(entry(work({ config, recorded: [RECORDED], leaves: true }))?.device).toBe('scsi1');
  });
});

describe('the bus of a disk', () => {
  const steps = (disks: readonly DesiredDisk[], config: GuestConfig = {}) =>
    work({ disks, config }).entries.map(({ name, device }) => [name, device]);

  test('is chosen when the disk gets its device, the first of which is left to boot disks', () => {
    const disks = [data(), data({ name: 'fast', bus: 'virtio' }), data({ name: 'old', bus: 'sata' })];
    expect(steps(disks)).toEqual([
      ['root', 'scsi0'],
      ['data', 'scsi1'],
      ['fast', 'virtio1'],
      ['old', 'sata1'],
    ]);
  });

  test('that has no free device is reported', () => {
    const full = Object.fromEntries(
      [1, 2, 3, 4, 5].map((n) => [`sata${n}`, `local-lvm:vm-101-disk-${n + 5},size=1G`]),
    );
    expect(work({ disks: [data({ bus: 'sata' })], config: full }).differences).toEqual([
      expect.stringContaining('sata1 to sata5 are all in use'),
    ]);
  });

  test('of a disk that exists stays, and a difference is reported', () => {
    const made = { config: AT_SCSI1, recorded: [RECORDED] };
    const { steps: all, differences } = work({ disks: [data({ bus: 'virtio' })], ...made });
    expect(all).toEqual([]);
    expect(differences).toEqual([
      expect.stringContaining('Disk data is scsi1, but the spec says bus virtio'),
    ]);
    expect(work({ disks: [data({ bus: 'scsi' })], ...made }).differences).toEqual([]);
  });
});
