/** What PVE can do with volumes (pve-storage, volume_has_feature of each plugin). */
import { keepsFiles } from './storage.ts';
import type { Storage } from './storage.ts';

export type Feature = 'snapshot' | 'clone' | 'copy';
/** The volume itself, a base volume, or the state of a snapshot. */
export type State = 'current' | 'base' | 'snap';

type States = Readonly<Record<Feature, readonly State[]>>;

const NOTHING: States = { snapshot: [], clone: [], copy: [] };
const ALL: readonly State[] = ['current', 'base', 'snap'];

/** Where the format does not matter. */
const byType: Readonly<Record<string, States>> = {
  // A snapshot can be read neither of a zvol nor over iSCSI, so that no full copy is made of one.
  zfspool: { snapshot: ['current', 'snap'], clone: ['base'], copy: ['base', 'current'] },
  zfs: { snapshot: ['current', 'snap'], clone: ['base'], copy: ['base', 'current'] },
  rbd: { snapshot: ['current', 'snap'], clone: ['base', 'snap'], copy: ALL },
  lvmthin: { snapshot: ['current'], clone: ['base', 'snap'], copy: ALL },
  btrfs: { snapshot: ['current', 'snap'], clone: ['base'], copy: ALL },
  cephfs: { snapshot: ['current', 'snap'], clone: ['base'], copy: ALL },
  iscsi: { ...NOTHING, copy: ['current'] },
  iscsidirect: { ...NOTHING, copy: ['current'] },
};

const files: Readonly<Record<string, States>> = {
  qcow2: { snapshot: ['current', 'snap'], clone: ['base'], copy: ALL },
  raw: { snapshot: [], clone: ['base'], copy: ['base', 'current'] },
  vmdk: { snapshot: [], clone: ['base'], copy: ['base', 'current'] },
};

const thickLvm: Readonly<Record<string, States>> = {
  qcow2: { snapshot: ['current', 'snap'], clone: [], copy: ALL },
  raw: { snapshot: [], clone: [], copy: ['base', 'current'] },
};

const statesOf = (storage: Storage, format: string): States =>
  byType[storage.type] ?? (keepsFiles(storage) ? files : thickLvm)[format] ?? NOTHING;

export const hasFeature = (storage: Storage, format: string, feature: Feature, state: State): boolean =>
  statesOf(storage, format)[feature].includes(state);

/** Whether a volume keeps its snapshots as a chain of volumes (since PVE 9.0). */
export const isChain = (storage: Storage, format: string): boolean =>
  storage.snapshotsAsVolumeChain && format === 'qcow2';

/** Whether a volume can be rolled back to its newest snapshot only. */
export const rollsBackToNewest = (storage: Storage, format: string): boolean =>
  storage.type === 'zfspool' || storage.type === 'zfs' || isChain(storage, format);

/** What QEMU itself does when it runs, as the log of the task names it; undefined: the storage does it. */
export function qemuSnapshot(storage: Storage, format: string): 'internal' | 'external' | undefined {
  if (isChain(storage, format)) return 'external';
  return format === 'qcow2' || storage.type === 'rbd' ? 'internal' : undefined;
}
