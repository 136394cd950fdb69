/** CD-ROM drives of a virtual machine, and what it boots from. */
import { z } from 'zod';
import { objectRef } from './refs.ts';
import { list, listMap, rule, text, word } from './schema.ts';

/** As many as IDE has slots. */
const MAX_CDROMS = 4;
/** The boot disk, four CD-ROM drives, and network interfaces. */
const MAX_BOOT_DEVICES = 16;

/** Of disks and of drives alike. */
const deviceName = word(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
  'must consist of lowercase letters, digits and hyphens, for example install',
);

const cdrom = z.object({
  name: deviceName.describe('Name of the drive.'),
  imageRef: objectRef.describe(
    'VMImage whose source is an ISO image, for example local:iso/debian-12.iso. The image must exist on the node of the VM.',
  ),
});

export const cdroms = listMap(cdrom, 'name', MAX_CDROMS);

const bootFields = z.object({
  disk: z.enum(['root']).optional().describe('The boot disk, root.'),
  cdrom: deviceName.optional().describe('Name of a drive of cdroms.'),
  network: text(63).optional().describe('Name of a network interface of networks.'),
});

const bootDevice = rule(bootFields, {
  cel: '(has(self.disk) ? 1 : 0) + (has(self.cdrom) ? 1 : 0) + (has(self.network) ? 1 : 0) == 1',
  message: 'must have exactly one of disk, cdrom and network',
  holds: (fields) => Object.values(fields).filter((name) => name !== undefined).length === 1,
});

export const bootOrder = list(bootDevice, MAX_BOOT_DEVICES).min(1);

export const cdromStatus = z.object({
  name: text(63).describe('Name of the drive in the spec.'),
  device: text(16).describe('Device in Proxmox VE, for example ide0.'),
  volume: text(255).optional().describe('Image in the drive; absent: it is empty, or not added yet.'),
});
