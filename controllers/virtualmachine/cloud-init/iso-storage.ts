/** The storage for the image with cloud-init data. Pure. */
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { StorageFacts } from '../model/surroundings.ts';

export interface IsoStorages {
  readonly isoStorage: string | undefined;
  readonly storages: readonly StorageFacts[];
}

export const ISO_REMEDY =
  'Add "iso" to the content types of a storage of that node (pvesm set STORAGE --content …,iso), or set spec.defaults.isoStorage of the Provider to another storage.';

/** The Provider's choice, else a shared storage, which lets the guest move; else one of the node's own. */
export function isoStorageFor(
  node: string,
  { isoStorage, storages }: IsoStorages,
): string | NonNullable<CloudInitPlan['problem']> {
  const usable = storages.filter(
    (s) => s.node === node && s.status === 'available' && s.content.includes('iso'),
  );
  const [best] = usable
    .filter((s) => isoStorage === undefined || s.storage === isoStorage)
    .toSorted((a, b) => Number(b.shared) - Number(a.shared) || a.storage.localeCompare(b.storage));
  if (best) return best.storage;
  return {
    reason: 'NoIsoStorage',
    message:
      `The user-data requires an image, but ${isoStorage === undefined ? `node ${node} has no available storage` : `storage ${isoStorage} is not available on node ${node}`} with content type "iso". ` +
      ISO_REMEDY,
  };
}
