/** Memory that Proxmox VE plugs in modules. Pure. */
import type { GuestConfig } from '../../shared/guests/model.ts';

/** The memory that a guest has besides its modules, in MiB (qemu-server, QemuServer/Memory.pm). */
const STATIC_MIB = 1024;
const MODULES_OF_A_SIZE = 32;
const SIZES = 8;

/** Whether memory is hot-plugged: `hotplug` names it, since it is not among PVE's defaults. */
export const plugsMemory = ({ hotplug = '' }: GuestConfig): boolean => hotplug.split(',').includes('memory');

/**
 * The next amount that consists of whole modules: 32 of 512 MiB, then 32 of 1 GiB, and so on. PVE rounds up what it
 * plugs, and unplugs whole modules. It starts no guest whose memory is another amount (qemu-server, QemuServer/Memory.pm).
 */
export function wholeModules(mib: number, { hugepages, sockets = '1' }: GuestConfig): number {
  const inGib = hugepages === '1024';
  let size = inGib ? STATIC_MIB * Math.max(1, Number(sockets)) : STATIC_MIB;
  let module = inGib ? 1024 : 512;
  for (let n = 0; n < SIZES * MODULES_OF_A_SIZE && size < mib; n += 1) {
    size += module;
    if (n % MODULES_OF_A_SIZE === MODULES_OF_A_SIZE - 1) module *= 2;
  }
  return size;
}
