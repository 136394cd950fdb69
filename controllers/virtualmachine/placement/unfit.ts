/**
 * Nodes on which a VM could be made but not brought up, as the list of storages shows: what it needs besides its disks is
 * not there. Pure.
 */
import { parseVolumeId, type View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { isoStorageFor } from '../cloud-init/iso-storage.ts';
import { needsImage } from '../cloud-init/needs-image.ts';
import type { ClusterFacts } from '../model/surroundings.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';

type Shape = NonNullable<PlainSpec['shape']>;

/** By node, why it is unfit, as a clause. */
export type UnfitNodes = ReadonlyMap<NodeName, string>;

/** Nodes without a storage for the image with the cloud-init data. */
export function withoutIsoStorage(
  shape: Shape,
  { nodes, storages }: View,
  { isoStorage }: ClusterFacts['defaults'],
): UnfitNodes {
  if (!needsImage(shape)) return new Map();
  const clause =
    isoStorage === undefined
      ? 'no storage with content type "iso" is available for the user-data'
      : `storage ${isoStorage} with content type "iso" is not available for the user-data`;
  return new Map(
    nodes
      .filter(({ name }) => typeof isoStorageFor(name, { isoStorage, storages }) === 'object')
      .map(({ name }) => [name, clause] as const),
  );
}

/** Nodes that do not see the storage of a volume which the VM starts with. */
export const withoutVolumes = (shape: Shape, { nodes, storages }: View): UnfitNodes =>
  new Map(
    nodes.flatMap(({ name }) => {
      const missing = volumesOf(shape).find((volume) => isElsewhere(volume, name, storages));
      return missing === undefined ? [] : [[name, `the storage of ${missing} is not available`] as const];
    }),
  );

/** The snippet, the volumes to import, and the images of CD-ROM drives: files that must exist where the VM is made. */
export const volumesOf = ({ cloudInit, disks = [], cdroms = [] }: Shape): readonly string[] =>
  [
    cloudInit?.snippet,
    ...disks.map(({ importFrom }) => importFrom),
    ...cdroms.map(({ volume }) => volume),
  ].filter((volume) => volume !== undefined);

/** A storage that no node lists may be hidden from the credentials. */
function isElsewhere(volume: string, node: NodeName, storages: View['storages']): boolean {
  const rows = storages.filter(({ storage }) => storage === parseVolumeId(volume)?.storage);
  return rows.length > 0 && !rows.some((row) => row.node === node && row.status === 'available');
}
