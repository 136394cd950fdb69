/** Which unused volumes of a guest were disks of the spec, as status remembers it. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { DetachedDisk } from '../model/disks.ts';
import type { Observed } from '../model/observed.ts';
import { ROOT } from './slots.ts';

/** As status has them. */
export const detachedDisksOf = ({ status }: VirtualMachine): readonly DetachedDisk[] =>
  (status?.unusedVolumes ?? []).flatMap(({ disk, volume, size }) =>
    disk === undefined ? [] : [{ disk, volume, size }],
  );

/** With those that are being detached: a disk is recorded until its volume is seen as an unused one. */
export const detachedAfter = (
  vm: VirtualMachine,
  { disks }: Pick<Observed, 'disks'>,
): readonly DetachedDisk[] => [
  ...[...(disks?.entries ?? []), ...(vm.status?.disks ?? [])].flatMap(({ name, volume, size }) =>
    volume === undefined || name === ROOT ? [] : [{ disk: name, volume, size }],
  ),
  ...detachedDisksOf(vm),
];
