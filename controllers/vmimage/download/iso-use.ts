/** Whether an ISO image of a former spec may be deleted. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';

/**
 * A snapshot of Proxmox VE names the ISO images that were in the drives, and a VM that is reverted to one with its
 * memory does not start without them. Which they are, only each snapshot's own configuration says, so a VM with
 * snapshots is taken to use what it may have had.
 */
export const mayUseIso = (users: readonly Pick<VirtualMachine, 'status'>[], volume: string): boolean =>
  users.some(
    ({ status }) =>
      (status?.snapshotCount ?? 0) > 0 || (status?.cdroms?.some((cdrom) => cdrom.volume === volume) ?? false),
  );
