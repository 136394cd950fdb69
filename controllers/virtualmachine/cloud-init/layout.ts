/** How a guest's system expects its data on the image. Pure. */
import type { ImageLayout } from '../../../src/cloudinit/index.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';

/** Of a guest's configuration, or of a template's. */
export interface GuestSystem {
  readonly citype?: string | undefined;
  readonly ostype?: string | undefined;
}

/** As Proxmox VE tells it: all its names for versions of Windows begin with a w, and no other does. */
export const isWindows = ({ ostype }: GuestSystem): boolean => ostype?.startsWith('w') === true;

/**
 * As PVE chooses for its own drive (qemu-server, get_cloudinit_format): what the template says, else by its operating
 * system, because cloudbase-init on Windows reads config drives by default.
 */
export function layoutOf({
  citype,
  ostype,
}: GuestSystem): ImageLayout | NonNullable<CloudInitPlan['problem']> {
  switch (citype ?? (isWindows({ ostype }) ? 'configdrive2' : 'nocloud')) {
    case 'nocloud':
      return 'nocloud';
    case 'configdrive2':
      return 'configdrive2';
    default:
      return {
        reason: 'CloudInitTypeUnsupported',
        message:
          `The template's citype is ${citype}, and the operator can deliver this data only as nocloud or configdrive2. ` +
          'Set citype of the template to what its system reads, or use only what the cloud-init drive of Proxmox VE can express.',
      };
  }
}
