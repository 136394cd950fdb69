/**
 * Linked clones of the snapshots of a guest on Ceph. Proxmox VE protects a snapshot before it clones it, and removes
 * neither the snapshot nor the image as long as there is a clone (pve-storage, RBDPlugin.pm, clone_image, free_image and
 * volume_snapshot_delete). On other storages the snapshot of a linked clone can be deleted. Pure.
 */
import { parseDisk, parseVolumeId, type StorageView, type Volume } from '../../../src/pve/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { GuestConfig } from './model.ts';

/** A volume that is a linked clone of a snapshot. */
export interface LinkedClone {
  /** `storage:image` */
  readonly volume: string;
  /** The guest that it belongs to by its name. */
  readonly vmid: Vmid;
  /** The list of guests has that guest. */
  readonly listed: boolean;
  /** VirtualMachine of the guest, in the namespace of the object that waits. */
  readonly vm?: string | undefined;
}

/** One line of the list of volumes: this volume was cloned from that snapshot. */
export interface Child extends Omit<LinkedClone, 'vm'> {
  /** `image@snapshot` */
  readonly parent: string;
}

const HOLDS_VOLUME = /^(?:scsi|virtio|sata|ide|efidisk|tpmstate|unused)\d+$/;

/** The images of a guest on Ceph, by storage: those that snapshots have as well stay in the configuration. */
export function cephImages(
  config: GuestConfig,
  storages: readonly StorageView[],
): ReadonlyMap<string, readonly string[]> {
  const volumes = Object.entries(config)
    .filter(([key]) => HOLDS_VOLUME.test(key))
    .flatMap(([, text]) => parseVolumeId(parseDisk(text).volume) ?? [])
    .filter(({ storage }) => storages.some((each) => each.storage === storage && each.type === 'rbd'));
  const byStorage = Map.groupBy(volumes, ({ storage }) => storage);
  return new Map([...byStorage].map(([storage, all]) => [storage, all.map(({ volume }) => imageOf(volume))]));
}

/** A clone of a base volume has the name of the base before its own. */
const imageOf = (volume: string): string => volume.split('/').at(-1) ?? volume;

/** The linked clones in a list of volumes. */
export const childrenIn = (volumes: readonly Volume[], isListed: (vmid: Vmid) => boolean): readonly Child[] =>
  volumes.flatMap(({ volid, vmid, parent }) =>
    vmid !== undefined && parent?.includes('@') === true
      ? [{ volume: volid, vmid, parent, listed: isListed(vmid) }]
      : [],
  );

/** @param snapshot absent: of any snapshot */
export const clonesOf = (
  images: readonly string[],
  snapshot: string | undefined,
  children: readonly Child[],
): readonly LinkedClone[] =>
  children
    .filter(({ parent }) =>
      images.some((image) =>
        snapshot === undefined ? parent.startsWith(`${image}@`) : parent === `${image}@${snapshot}`,
      ),
    )
    .map(({ volume, vmid, listed }) => ({ volume, vmid, listed }));

const MAX_NAMED = 5;

/** `VM 201 (VirtualMachine web-copy), VM 202 and 3 more`. Objects of other namespaces are not named. */
export function clonesText(clones: readonly LinkedClone[]): string {
  const texts = [...new Set(clones.map(guestText))];
  const more = texts.length - MAX_NAMED;
  return `${texts.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const guestText = ({ vmid, vm, volume, listed }: LinkedClone): string => {
  if (vm !== undefined) return `VM ${vmid} (VirtualMachine ${vm})`;
  return listed ? `VM ${vmid}` : `volume ${volume}, whose VM the operator does not see`;
};

/** How a linked clone stops needing a snapshot: for the end of a sentence that begins with "once". */
export const CLONES_ARE_GONE =
  'the clones are deleted, or their disks are moved to another storage, which makes full copies of them';
