/** Copies of guests that others make: what Proxmox VE keeps of the original, and what it makes new. */
import { newUuid } from './creation.ts';
import { drivesOf, isCdrom, printDrive, splitVolid } from './drives.ts';
import type { ClusterInput } from './cluster-file.ts';
import type { Guest } from './guest.ts';
import type { World } from './world.ts';

type GuestInput = NonNullable<ClusterInput['guests']>[number];
export type CopiedAs = 'clone' | 'restore' | 'restoreUnique';

const LEFT_OUT = /^(?:unused\d+|lock|parent|snaptime|template|meta|vmgenid)$/;
const GIB = 1024 ** 3;

const withoutMac = (net: string): string => net.replace(/^([\w-]+)=[^,]+/, '$1');

/** Disks of the same size, and drives without a CD. */
function drivesFor(world: World, { config, node }: Guest): Readonly<Record<string, string>> {
  return Object.fromEntries(
    drivesOf(config).map((drive) => {
      const volume = isCdrom(drive) ? undefined : world.storage.find(drive.file, node);
      const { storage = '' } = splitVolid(drive.file) ?? {};
      return [
        drive.key,
        volume
          ? `${storage}:${Math.ceil(volume.size / GIB)}`
          : printDrive({ file: 'none', options: { media: 'cdrom' } }),
      ];
    }),
  );
}

/**
 * The copy as an entry of the cluster file.
 * @param as `clone`: the description is copied, and SMBIOS UUID and MACs are new (qemu-server, clone_vm). `restore`: a
 * backup under another VMID keeps both, and `restoreUnique` makes both new (qemu-server, restore_update_config_line).
 */
export function copyOf(
  world: World,
  source: Guest,
  { vmid, as }: { readonly vmid: number; readonly as: CopiedAs },
): GuestInput {
  const isNew = as !== 'restore';
  const drives = drivesFor(world, source);
  const config = [...source.config].flatMap(([key, value]): [string, string][] => {
    if (LEFT_OUT.test(key)) return [];
    if (key in drives) return [[key, drives[key] ?? '']];
    if (as === 'clone' && key === 'name') return [[key, `Copy-of-VM-${value}`]];
    if (isNew && key === 'smbios1') return [[key, newUuid(world, value)]];
    return [[key, isNew && /^net\d+$/.test(key) ? withoutMac(value) : value]];
  });
  return { vmid, node: source.node, config: Object.fromEntries(config) };
}
