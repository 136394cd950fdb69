/**
 * Why no snapshot can be taken of a guest as it is: found before a task is tried, because the task says only
 * "snapshot feature is not available". Pure.
 */
import {
  parseDisk,
  parseProperties,
  parseVolumeId,
  property,
  type StorageView,
} from '../../../src/pve/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import { bytes, MiB } from '../../../src/lib/units.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import type { Blocked } from '../model/blocked.ts';

interface Facts {
  readonly guest: Guest;
  /** What Proxmox VE says: the storages of all disks support snapshots. */
  readonly supported: boolean;
  readonly memory: boolean;
  readonly storages: readonly StorageView[];
}

export function obstacleOf({ guest, supported, memory, storages }: Facts): Blocked | undefined {
  if (guest.template)
    return {
      reason: 'SnapshotNotPossible',
      message: `VM ${guest.vmid} is a template in Proxmox VE, and no snapshot can be taken of a template.`,
    };
  if (!supported) return unsupported(guest, storages);
  return memory ? memoryObstacle(guest, storages) : undefined;
}

interface VolumeAt {
  readonly device: string;
  readonly volume: string;
  readonly storage: string | undefined;
}

const isDisk = (key: string): boolean => isDrive(key) || /^(efidisk|tpmstate)\d+$/.test(key);

function disksOf(config: GuestConfig): readonly VolumeAt[] {
  return Object.entries(config).flatMap(([device, text]) => {
    if (!isDisk(device)) return [];
    const { volume, cdrom, cloudInit } = parseDisk(text);
    if (cdrom || cloudInit || volume === 'none') return [];
    return [{ device, volume, storage: parseVolumeId(volume)?.storage }];
  });
}

const storageOn = (
  storages: readonly StorageView[],
  id: string | undefined,
  node: string,
): StorageView | undefined => storages.find((each) => each.storage === id && each.node === node);

const MAX_NAMED = 3;

function unsupported({ vmid, node, config }: Guest, storages: readonly StorageView[]): Blocked {
  const blamed = disksOf(config).flatMap((disk) => {
    const why = whyNot(disk, storageOn(storages, disk.storage, node)?.type);
    return why === undefined ? [] : [`${disk.device} ${why}`];
  });
  const more = blamed.length > MAX_NAMED ? ` And ${blamed.length - MAX_NAMED} more.` : '';
  const what =
    blamed.length === 0
      ? 'Move its disks to a storage that supports snapshots.'
      : `${blamed.slice(0, MAX_NAMED).join(' ')}${more}`;
  return {
    reason: 'SnapshotNotPossible',
    message: `Proxmox VE cannot take snapshots of VM ${vmid} as its disks are stored now. ${what}`,
  };
}

const FILES = new Set(['dir', 'nfs', 'cifs', 'glusterfs']);
const GOOD = 'such as LVM-thin, ZFS or Ceph RBD';

/** The rest of a sentence that begins with the device; `undefined`: it is not known to be to blame. */
function whyNot({ device, volume, storage }: VolumeAt, type: string | undefined): string | undefined {
  if (storage === undefined)
    return `is the device ${volume} of the node, which has no snapshots. Use a disk on a storage instead.`;
  const at = `is on storage ${storage} (${type ?? 'of unknown type'})`;
  if (FILES.has(type ?? '')) return /\.qcow2$/.test(volume) ? undefined : `${at} ${onFiles(device)}`;
  if (type === 'lvm')
    return `${at}, where only disks of the format qcow2 on a storage with snapshot-as-volume-chain have snapshots (Proxmox VE 9, disks made after it was switched on). Switch it on and move the disk there and back, or move it to a storage with snapshots, ${GOOD}.`;
  if (type === 'iscsi' || type === 'iscsidirect')
    return `${at}, which never has snapshots. Move the disk to a storage with snapshots, ${GOOD}.`;
  return undefined;
}

function onFiles(device: string): string {
  const small = device.startsWith('tpmstate') || device.startsWith('efidisk');
  return small
    ? `and not in the format qcow2, which prevents snapshots of the whole VM. Move it to a storage with snapshots, ${GOOD}.`
    : `and not in the format qcow2, the only one with snapshots there. Move the disk to the format qcow2, or to a storage with snapshots, ${GOOD}.`;
}

const WITHOUT_MEMORY =
  'or set spec.includeMemory to false in a new VMSnapshot, or in this one until it is taken';

function memoryObstacle(guest: Guest, storages: readonly StorageView[]): Blocked | undefined {
  const { vmid, config } = guest;
  if (!guest.running)
    return {
      reason: 'VMNotRunning',
      message: `spec.includeMemory is true, but VM ${vmid} is not running, so it has no memory to save. Start the VM, ${WITHOUT_MEMORY}. The snapshot is taken once the VM runs.`,
    };
  const device = Object.keys(config).find((key) => /^(amd-sev|intel-tdx|virtiofs\d+)$/.test(key));
  if (device !== undefined)
    return {
      reason: 'MemoryNotPossible',
      message: `spec.includeMemory is true, but Proxmox VE cannot save the memory of VM ${vmid}, because it has ${device}. Remove ${device} from the VM, ${WITHOUT_MEMORY}.`,
    };
  return spaceObstacle(guest, storages);
}

/** PVE allocates it before it saves the memory (qemu-server, QemuConfig.pm). */
const STATE_EXTRA_MIB = 500;
const DEFAULT_MEMORY_MIB = 512;

const memoryMiB = (config: GuestConfig): number =>
  Number(property(parseProperties(config['memory'] ?? ''), 'current') ?? config['memory']) ||
  DEFAULT_MEMORY_MIB;

function spaceObstacle({ vmid, node, config }: Guest, storages: readonly StorageView[]): Blocked | undefined {
  const storage = storageOn(storages, stateStorage(config, storages, node), node);
  if (storage?.total === undefined || storage.used === undefined) return undefined;
  const needed = (2 * memoryMiB(config) + STATE_EXTRA_MIB) * MiB;
  const free = storage.total - storage.used;
  if (free >= needed) return undefined;
  return {
    reason: 'NoSpaceForMemory',
    message: `spec.includeMemory is true, and the memory of VM ${vmid} needs ${formatQuantity(bytes(needed))} on storage ${storage.storage} of node ${node} (twice the memory and 500 MiB), which does not have as much free space. Free space there, choose another storage with the option vmstatestorage of the VM, ${WITHOUT_MEMORY}.`,
  };
}

/** As PVE chooses it (qemu-server, QemuConfig.pm, find_vmstate_storage): shared before local, files before others. */
function stateStorage(config: GuestConfig, storages: readonly StorageView[], node: string): string {
  const chosen = config['vmstatestorage'];
  if (chosen !== undefined) return chosen;
  const used = [...new Set(disksOf(config).flatMap(({ storage }) => storage ?? []))]
    .toSorted()
    .flatMap((id) => storageOn(storages, id, node) ?? []);
  return (
    bestOf(used.filter(({ shared }) => shared)) ?? bestOf(used.filter(({ shared }) => !shared)) ?? 'local'
  );
}

const WITH_FILES = new Set([...FILES, 'cephfs', 'btrfs']);

const bestOf = (storages: readonly StorageView[]): string | undefined =>
  (storages.findLast(({ type }) => WITH_FILES.has(type ?? '')) ?? storages[0])?.storage;
