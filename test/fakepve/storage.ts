import { failure } from './errors.ts';
import { splitVolid } from './drives.ts';
import { MIB } from './size.ts';

export interface Storage {
  readonly id: string;
  readonly type: string;
  readonly content: readonly string[];
  readonly shared: boolean;
  readonly nodes: readonly string[] | undefined;
  readonly size: number;
  readonly path: string;
  /** Snapshots of new qcow2 volumes are a chain of volumes. */
  readonly snapshotsAsVolumeChain: boolean;
}

export interface Volume {
  readonly volid: string;
  readonly storage: string;
  readonly name: string;
  readonly content: string;
  readonly format: string;
  /** The size that the guest sees; for files their length. */
  size: number;
  readonly vmid: number | undefined;
  /** For a linked clone, the name of its base within the storage. */
  readonly parent: string | undefined;
  /** On Ceph, the snapshot of the base that it is a clone of. */
  readonly parentSnapshot?: string | undefined;
  readonly ctime: number;
  /** The bytes of uploaded and downloaded files. */
  readonly data: Buffer | undefined;
  readonly snapshots: Set<string>;
  /** On Ceph, snapshots that cannot be removed: whoever clones one protects it first. */
  readonly protectedSnapshots?: Set<string>;
}

const directories = new Set(['dir', 'nfs', 'cifs', 'cephfs', 'btrfs', 'glusterfs']);
const subdirectories: Readonly<Record<string, string>> = {
  iso: 'template/iso',
  vztmpl: 'template/cache',
  import: 'import',
  snippets: 'snippets',
  backup: 'dump',
};

export const keepsFiles = (storage: Storage): boolean => directories.has(storage.type);

/** What sizes of volumes are multiples of: LVM allocates extents, ZFS and Ceph are asked for whole MiB. */
const units: Readonly<Record<string, number>> = {
  lvm: 4 * MIB,
  lvmthin: 4 * MIB,
  zfspool: MIB,
  zfs: MIB,
  rbd: MIB,
};

/** The size of a volume for which `size` bytes are requested. */
export function allocated(storage: Storage, size: number): number {
  const unit = units[storage.type] ?? 1024;
  return Math.ceil(size / unit) * unit;
}

/** Whether the storage supports linked clones of a base volume. */
export const canLink = (storage: Storage): boolean =>
  keepsFiles(storage) || ['rbd', 'lvmthin', 'zfspool', 'zfs'].includes(storage.type);

export const isBase = (name: string): boolean => /(?:^|\/)base-\d+-[^/]*$/.test(name);

export interface ParsedName {
  readonly type: string;
  readonly vmid: number | undefined;
  readonly format: string;
}

function parseFileName(name: string): ParsedName {
  const [first = '', ...rest] = name.split('/');
  if (rest.length === 1 && first in subdirectories) {
    const extension = /\.([a-z0-9]+)$/.exec(name)?.[1] ?? '';
    return {
      type: first,
      vmid: undefined,
      format: first === 'iso' ? 'iso' : first === 'snippets' ? 'snippet' : extension,
    };
  }
  const image = /^(?:(\d+)\/base-[^/]+\/)?(\d+)\/[^/\s]+\.(raw|qcow2|vmdk)$/.exec(name);
  if (!image) throw failure(`unable to parse directory volume name '${name}'`);
  return { type: 'images', vmid: Number(image[2]), format: image[3] ?? 'raw' };
}

function parseBlockName(storage: Storage, name: string): ParsedName {
  const image = /^(?:base-\d+-[^/]+\/)?(?:vm|base)-(\d+)-[^/\s]+$/.exec(name);
  if (!image) throw failure(`unable to parse ${storage.type} volume name '${name}'`);
  const format = storage.type === 'lvm' && name.endsWith('.qcow2') ? 'qcow2' : 'raw';
  return { type: 'images', vmid: Number(image[1]), format };
}

/** The volumes of a storage, or of one node's part of it, indexed by name and by guest. */
class VolumeSet {
  private readonly byName = new Map<string, Volume>();
  private readonly byGuest = new Map<number, Set<Volume>>();

  get(name: string): Volume | undefined {
    return this.byName.get(name);
  }

  all(): readonly Volume[] {
    return [...this.byName.values()];
  }

  ofGuest(vmid: number): readonly Volume[] {
    return [...(this.byGuest.get(vmid) ?? [])];
  }

  put(volume: Volume): void {
    this.remove(volume.name);
    this.byName.set(volume.name, volume);
    if (volume.vmid === undefined) return;
    const own = this.byGuest.get(volume.vmid) ?? new Set();
    this.byGuest.set(volume.vmid, own.add(volume));
  }

  remove(name: string): boolean {
    const volume = this.byName.get(name);
    if (!volume) return false;
    if (volume.vmid !== undefined) this.byGuest.get(volume.vmid)?.delete(volume);
    return this.byName.delete(name);
  }

  /** Linked clones only take the space of what their guests write, and these write nothing. */
  get size(): number {
    let sum = 0;
    for (const volume of this.byName.values()) if (volume.parent === undefined) sum += volume.size;
    return sum;
  }
}

/** All storages and their volumes. A storage that is not shared has separate volumes on each node. */
export class StorageState {
  readonly storages = new Map<string, Storage>();
  /** Every file that was uploaded or downloaded, including those that have been deleted since. */
  readonly arrivals: Volume[] = [];
  private readonly volumeSets = new Map<string, VolumeSet>();

  add(storage: Storage): void {
    this.storages.set(storage.id, storage);
  }

  get(id: string): Storage {
    const storage = this.storages.get(id);
    if (!storage) throw failure(`storage '${id}' does not exist`);
    return storage;
  }

  isOn(storage: Storage, node: string): boolean {
    return storage.nodes === undefined || storage.nodes.includes(node);
  }

  /** The storage, if it is available on that node. */
  on(id: string, node: string): Storage {
    const storage = this.get(id);
    if (!this.isOn(storage, node)) throw failure(`storage '${id}' is not available on node '${node}'`);
    return storage;
  }

  private volumeSet(storage: Storage, node: string): VolumeSet {
    const key = storage.shared ? storage.id : `${storage.id}@${node}`;
    const found = this.volumeSets.get(key);
    if (found) return found;
    const made = new VolumeSet();
    this.volumeSets.set(key, made);
    return made;
  }

  parseName(storage: Storage, name: string): ParsedName {
    return keepsFiles(storage) ? parseFileName(name) : parseBlockName(storage, name);
  }

  list(storage: Storage, node: string): readonly Volume[] {
    return this.volumeSet(storage, node).all();
  }

  /** The volume; undefined if it or its storage does not exist. */
  find(volid: string, node: string): Volume | undefined {
    const parts = splitVolid(volid);
    const storage = parts && this.storages.get(parts.storage);
    return storage && this.volumeSet(storage, node).get(parts.name);
  }

  put(volume: Volume, node: string): Volume {
    this.volumeSet(this.get(volume.storage), node).put(volume);
    return volume;
  }

  remove(volid: string, node: string): boolean {
    const parts = splitVolid(volid);
    const storage = parts && this.storages.get(parts.storage);
    return parts !== undefined && storage !== undefined && this.volumeSet(storage, node).remove(parts.name);
  }

  /** Volumes of one guest, on every storage of the node or on one. */
  ofGuest(vmid: number, node: string, only?: Storage): readonly Volume[] {
    const storages = only ? [only] : [...this.storages.values()];
    return storages
      .filter((storage) => this.isOn(storage, node))
      .flatMap((storage) => this.volumeSet(storage, node).ofGuest(vmid));
  }

  used(storage: Storage, node: string): number {
    return Math.min(this.volumeSet(storage, node).size, storage.size);
  }

  /** The path where PVE would store the volume. */
  path(storage: Storage, name: string): string {
    if (!keepsFiles(storage)) return `/dev/${storage.id}/${name}`;
    const [type = '', file = ''] = name.split('/');
    const directory = subdirectories[type];
    return directory === undefined
      ? `${storage.path}/images/${name}`
      : `${storage.path}/${directory}/${file}`;
  }

  /** Linked clones of a base volume, or of one of the snapshots of a volume. */
  children(volume: Volume, node: string, snapshot?: string): readonly Volume[] {
    return this.list(this.get(volume.storage), node).filter(
      (other) =>
        other.parent === volume.name && (snapshot === undefined || other.parentSnapshot === snapshot),
    );
  }
}
