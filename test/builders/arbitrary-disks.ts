/** Worlds in which disks are desired, known to status, on the guest, detached, or foreign. */
import fc, { type Arbitrary } from './fast-check.ts';
import type { DesiredDisk, RecordedDisk } from '../../controllers/virtualmachine/model/disks.ts';
import type { GuestConfig } from '../../controllers/shared/guests/model.ts';
import { bytes, GiB } from '../../src/lib/units.ts';
import { desired, worldsWith } from './arbitrary-worlds.ts';
import type { World } from './planner-world.ts';
import { aStorage, onBothNodes } from './views.ts';

const NAMES = ['data', 'logs', 'scratch'] as const;

/** Drives and volumes that neither spec nor status names. */
export const FOREIGN_DISKS: GuestConfig = {
  scsi9: 'local-lvm:vm-101-disk-90,size=1T',
  virtio7: 'fast:vm-101-disk-91,serial=other,size=1G',
  unused5: 'local-lvm:vm-101-disk-92',
};

const sizes = fc.constantFrom(bytes(GiB / 2), bytes(10 * GiB), bytes(1024 * GiB));

const aDesiredDisk = (name: string): Arbitrary<DesiredDisk> =>
  fc
    .record({
      size: sizes,
      storage: fc.constantFrom('local-lvm', 'fast', 'nowhere', undefined),
      named: fc.boolean(),
      options: fc.constantFrom({}, { cache: 'writeback', ssd: true }, { limits: { readIOPS: 100 } }),
      reclaimPolicy: fc.constantFrom('Delete' as const, 'Detach' as const),
    })
    .map(({ named, storage, ...rest }) => ({
      name,
      storage,
      storageClass: named ? storage : undefined,
      ...rest,
    }));

const HISTORIES = ['nowhere', 'noted', 'made', 'unheard', 'elsewhere', 'off', 'replaced'] as const;

interface Past {
  readonly config: GuestConfig;
  readonly recorded: readonly RecordedDisk[];
}

/** What became of a disk so far. */
const past = (name: string, n: number): Arbitrary<Past> => {
  const volume = `local-lvm:vm-101-disk-${n}`;
  const device = `scsi${n}`;
  const text = `${volume},serial=${name},size=10G`;
  return fc
    .record({
      is: fc.constantFrom(...HISTORIES),
      reclaimPolicy: fc.constantFrom('Delete' as const, 'Detach' as const),
    })
    .map(({ is, reclaimPolicy }): Past => {
      const noted: RecordedDisk = { name, device, reclaimPolicy };
      const known: RecordedDisk = { ...noted, volume };
      switch (is) {
        case 'noted':
          return { config: {}, recorded: [noted] };
        case 'made':
          return { config: { [device]: text }, recorded: [known] };
        case 'unheard':
          return { config: { [device]: text }, recorded: [noted] };
        case 'elsewhere':
          return { config: { [`scsi${n + 10}`]: text }, recorded: [known] };
        case 'off':
          return { config: { [`unused${n}`]: volume }, recorded: [known] };
        case 'replaced':
          return { config: { [device]: `fast:vm-101-disk-8${n},size=1G` }, recorded: [known] };
        case 'nowhere':
          return { config: {}, recorded: [] };
        default:
          return is satisfies never;
      }
    });
};

const pasts = fc.tuple(...NAMES.map((name, i) => past(name, i + 2)));

const disks = fc
  .subarray([...NAMES])
  .chain((names) => fc.tuple(...names.map(aDesiredDisk)))
  .map((list): readonly DesiredDisk[] => list);

/** With storages for disks, and a guest that has a history with them. */
export const diskWorlds: Arbitrary<World> = fc
  .tuple(worldsWith(desired), disks, pasts, fc.boolean())
  .map(([world, desiredDisks, history, snapshot]) => {
    const { want, guest } = world;
    const { scsi1: _ours, ...config } = guest?.config ?? {};
    const added = Object.assign({}, FOREIGN_DISKS, ...history.map((each) => each.config)) as GuestConfig;
    return {
      ...world,
      want: want.exists ? { ...want, disks: desiredDisks } : want,
      storages: [...world.storages, ...onBothNodes(aStorage()), ...onBothNodes(aStorage('fast'))],
      disks: guest ? history.flatMap(({ recorded }) => recorded) : [],
      guest: guest && {
        ...guest,
        config: { ...config, ...added, ...(snapshot && { parent: 'before' }) },
      },
    };
  });

/** Nothing that only a person could move stands between the guest and its disks. */
export const withStorages = (world: World): World => ({
  ...world,
  storages: [...world.storages, ...onBothNodes(aStorage()), ...onBothNodes(aStorage('fast'))],
});
