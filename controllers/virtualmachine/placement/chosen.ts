/** What was chosen for a new guest, and what follows from it until the guest is configured. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { isNew } from '../config/is-new.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Move } from '../model/placement.ts';
import type { Creation, Placement } from '../../shared/placement/model.ts';

/** As it is recorded before the clone is requested. */
export const placementOf = ({
  template,
  node,
  rootStorage,
  fullCloneReason,
  copy,
}: Extract<Creation, { ok: true }>): Placement => ({
  template,
  node,
  ...(rootStorage !== undefined && { storage: rootStorage }),
  ...(fullCloneReason !== undefined && { fullCloneReason }),
  ...(copy && copy.disks.length > 0 && { disks: copy.disks }),
});

/** Whether what was recorded is what would be created. */
export function isChosen(
  creation: Extract<Creation, { ok: true }>,
  { template, node, storage, fullCloneReason, disks }: Partial<Placement> = {},
): boolean {
  const next = placementOf(creation);
  return (
    template === next.template &&
    node === next.node &&
    storage === next.storage &&
    fullCloneReason === next.fullCloneReason &&
    devicesIn(disks) === devicesIn(next.disks)
  );
}

const devicesIn = (disks: Placement['disks'] = []): string =>
  disks.map(({ name, device }) => `${name} ${device}`).join();

/** A guest that was cloned on its template's node, as local storages require, is moved to its own node before it is configured. */
export function moveBeforeStart(
  vm: VirtualMachine,
  guest: Guest,
  host: NodeName | undefined,
): Move | undefined {
  const { placement } = vm.status ?? {};
  const to = host ?? placement?.node;
  if (!placement || to === undefined || to === guest.node) return undefined;
  if (guest.running || !isNew(vm, guest)) return undefined;
  const { storage } = placement;
  const isThere = rootDiskOf(guest.config)?.storage === storage;
  return { to, ...(storage !== undefined && !isThere && { targetStorage: storage }) };
}

/** A clause: `on node pve-2, storage local-lvm, as a linked clone of 9000`. */
export const chosenSentence = (creation: Extract<Creation, { ok: true }>): string => {
  const { node, rootStorage, moves, templateNode } = creation;
  return [
    `on node ${node}`,
    ...(rootStorage === undefined ? [] : [`storage ${rootStorage}`]),
    howMade(placementOf(creation)),
    ...(moves ? [`so it is cloned on ${templateNode} and then moved`] : []),
  ].join(', ');
};

/** `as a full clone of 9000, because the storage of the template cannot link clones`. */
const howMade = ({ template, fullCloneReason }: Placement): string =>
  fullCloneReason === undefined
    ? `as a linked clone of ${template}`
    : `as a full clone of ${template}, because ${fullCloneReason}`;

/** Where a guest is, and how it was created if that is known. */
export const placedSentence = (guest: Guest, placement: Placement | undefined): string => {
  const storage = rootDiskOf(guest.config)?.storage;
  return `${[
    `The VM is on node ${guest.node}`,
    ...(storage === undefined ? [] : [`its root disk on storage ${storage}`]),
    ...(placement ? [`made ${howMade(placement)}`] : []),
  ].join(', ')}.`;
};
