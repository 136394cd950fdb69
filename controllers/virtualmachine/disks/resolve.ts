/** Resolves the disks of a spec, and checks the class's thin or thick provisioning. Pure. */
import type { VirtualMachine, VMClass } from '../../../src/api/index.ts';
import type { View } from '../../../src/pve/index.ts';
import { ROOT } from './slots.ts';
import type { DiskOptions, DesiredDisk } from '../model/disks.ts';
import type { Shape } from '../model/desired.ts';

type Disk = NonNullable<VirtualMachine['spec']['disks']>[number];

const optionsOf = (disk: Disk): DiskOptions => {
  const { cache, discard, ssd, iothread, aio, backup, replicate, limits } = disk;
  return { cache, discard, ssd, iothread, aio, backup, replicate, limits };
};

export const rootOf = ({ spec }: VirtualMachine): Disk | undefined =>
  spec.disks?.find(({ name }) => name === ROOT);

/** @param storage - the storage for new disks that name none */
export function resolveDisks(
  vm: VirtualMachine,
  storage: string | undefined,
): Pick<Shape, 'rootDisk' | 'root' | 'disks'> {
  const root = rootOf(vm);
  const others = (vm.spec.disks ?? []).filter(({ name }) => name !== ROOT);
  return {
    rootDisk: root?.size,
    ...(root && { root: { options: optionsOf(root), storageClass: root.storageClass, bus: root.bus } }),
    ...(others.length > 0 && { disks: others.map((disk) => desiredDisk(disk, storage)) }),
  };
}

const desiredDisk = (disk: Disk, storage: string | undefined): DesiredDisk => ({
  name: disk.name,
  size: disk.size,
  importFrom: disk.importFrom,
  storage: disk.storageClass ?? storage,
  storageClass: disk.storageClass,
  bus: disk.bus,
  options: optionsOf(disk),
  reclaimPolicy: disk.reclaimPolicy ?? 'Detach',
});

/** Provisioning of new disks by storage type. `zfspool` has an option for it that the API does not report. */
const PROVISIONING: Readonly<Record<string, 'thin' | 'thick'>> = {
  lvmthin: 'thin',
  rbd: 'thin',
  dir: 'thin',
  nfs: 'thin',
  cifs: 'thin',
  glusterfs: 'thin',
  btrfs: 'thin',
  lvm: 'thick',
  iscsi: 'thick',
  iscsidirect: 'thick',
};

/** A message if the storage does not provision disks as the class says. */
export function provisioningDifferences(
  { metadata, spec }: VMClass,
  storage: string | undefined,
  view: View | undefined,
): string[] {
  const desired = spec.storage?.type;
  const type = view?.storages.find((each) => each.storage === storage)?.type;
  if (desired === undefined || storage === undefined || type === undefined) return [];
  const makes = PROVISIONING[type] ?? (type === 'zfspool' ? 'thin' : undefined);
  if (makes === desired) return [];
  const what = makes === undefined ? 'decides this itself' : `creates ${makes} disks`;
  return [
    `VMClass ${metadata.name}: storage.type "${desired}" has no effect, because storage ${storage} (${type}) ${what}. Use another storage, or remove the field.`,
  ];
}
