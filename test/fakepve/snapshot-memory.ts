/** The volume in which a snapshot, or hibernation, keeps the memory of a guest. */
import { failure } from './errors.ts';
import { drivesOf, isCdrom, splitVolid } from './drives.ts';
import { allocate, formatOn } from './disks.ts';
import { memoryMiB } from './guest.ts';
import { MIB } from './size.ts';
import { allocated } from './storage.ts';
import type { Config, Guest } from './guest.ts';
import type { Storage } from './storage.ts';
import type { World } from './world.ts';

/** The QEMU machine settings of a running guest, to restore it later. */
export function machineState(guest: Guest): readonly (readonly [string, string])[] {
  const nets = [...guest.config.keys()].filter((key) => /^net\d+$/.test(key)).sort();
  return [
    ...(nets.length === 0
      ? []
      : [['running-nets-host-mtu', nets.map((key) => `${key}=1500`).join(',')] as const]),
    ['runningcpu', guest.get('cpu') ?? 'kvm64,enforce,+kvm_pv_eoi,+kvm_pv_unhalt,+lahf_lm,+sep'],
    ['runningmachine', `${guest.get('machine') === 'q35' ? 'pc-q35' : 'pc-i440fx'}-10.1+pve0`],
  ];
}

/** The default storage for the guest's memory. */
export function stateStorage(world: World, guest: Guest): string {
  const chosen = guest.get('vmstatestorage');
  const used = drivesOf(guest.config).flatMap((drive) =>
    isCdrom(drive) ? [] : (splitVolid(drive.file)?.storage ?? []),
  );
  return (
    chosen ??
    used.find((id) => world.storage.storages.get(id)?.shared) ??
    used[0] ??
    [...world.storage.storages.values()].find((s) => s.content.includes('images'))?.id ??
    'local'
  );
}

/** Thick storages need all the space at once. */
function checkSpace(world: World, storage: Storage, node: string, name: string, size: number): void {
  if (storage.type !== 'lvm' && storage.type !== 'zfspool') return;
  const free = storage.size - world.storage.used(storage, node);
  const needed = allocated(storage, size);
  if (needed <= free) return;
  const extents = (bytes: number): number => Math.floor(bytes / (4 * MIB));
  throw failure(
    storage.type === 'lvm'
      ? `lvcreate '${storage.id}/${name}' error:   Volume group "${storage.id}" has insufficient free space (${extents(free)} extents): ${extents(needed)} required.`
      : `zfs error: cannot create '${storage.id}/${name}': out of space`,
  );
}

/** A volume for the guest's memory. */
export function allocateState(world: World, guest: Guest, name: string, storageId?: string): string {
  const storage = world.storage.on(storageId ?? stateStorage(world, guest), guest.node);
  const context = { world, node: guest.node, vmid: guest.vmid, log: () => undefined };
  // While it is saved, memory that changes is saved again.
  const size = (2 * memoryMiB(guest.config) + 500) * MIB;
  checkSpace(world, storage, guest.node, `vm-${guest.vmid}-state-${name}`, size);
  return allocate(context, { storage, size, format: formatOn(storage, 'raw'), kind: `state-${name}` }).volid;
}

/** Guests whose memory cannot be saved are refused, also while they are off. */
export function checkMemory(config: Config): void {
  const blockers = [
    ...['amd-sev', 'intel-tdx'].filter((key) => config.has(key)),
    ...([...config.keys()].some((key) => /^virtiofs\d+$/.test(key)) ? ['virtiofs'] : []),
  ];
  if (blockers.length > 0)
    throw failure(`Cannot live-migrate, snapshot (with RAM), or hibernate a VM with: ${blockers.join(', ')}`);
}
