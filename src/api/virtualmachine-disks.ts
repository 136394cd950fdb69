/** The disks of a virtual machine: desired and observed. */
import { z } from 'zod';
import { bytes, MiB } from '../lib/units.ts';
import { list, listMap, quantity, rule, storageName, text, word } from './schema.ts';

/** The boot disk, and one disk at each of scsi1 to scsi30. */
const MAX_DISKS = 31;

const diskName = word(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
  'must consist of lowercase letters, digits and hyphens, for example data',
);

const volumeId = word(
  /^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]:[a-zA-Z0-9][a-zA-Z0-9_./+@=-]*$/,
  255,
  'must be a volume in Proxmox VE, for example local:import/data.qcow2',
);

const limit = (what: string) => z.int32().min(0).max(10_000_000).optional().describe(`${what}; 0: no limit.`);

const limits = z.object({
  readIOPS: limit('Maximum read operations per second'),
  writeIOPS: limit('Maximum write operations per second'),
  readMBps: limit('Maximum megabytes read per second'),
  writeMBps: limit('Maximum megabytes written per second'),
});

const fields = z.object({
  name: diskName.describe(
    'Name of the disk; root is the boot disk. The guest sees the name of any other disk as its serial number, so it finds it below /dev/disk/by-id.',
  ),
  size: quantity(bytes(MiB), bytes(1024 ** 3 * MiB))
    .optional()
    .describe(
      'Size, as a quantity with a unit, for example 40Gi; absent: that of importFrom. A disk can grow but not shrink.',
    ),
  storageClass: storageName
    .optional()
    .describe(
      'Storage in Proxmox VE; absent: that of the class, the Provider or the boot disk. When it changes, an existing disk is moved.',
    ),
  importFrom: volumeId
    .optional()
    .describe(
      'Volume that the disk is initialised from, for example local:import/data.qcow2. It is read once, when the disk is created.',
    ),
  bus: z
    .enum(['scsi', 'virtio', 'sata'])
    .optional()
    .describe(
      'Bus that a new disk is attached to, which the guest needs a driver for; absent: scsi. The boot disk has the bus that the template gave it. The bus of a disk that exists is not changed.',
    ),
  cache: z
    .enum(['none', 'directsync', 'writethrough', 'writeback', 'unsafe'])
    .optional()
    .describe('Cache mode of the host; absent: unchanged.'),
  discard: z
    .boolean()
    .optional()
    .describe('Whether space that the guest frees is returned to the storage; absent: unchanged.'),
  ssd: z.boolean().optional().describe('Whether the guest sees a solid-state disk; absent: unchanged.'),
  iothread: z.boolean().optional().describe('Whether the disk has its own I/O thread; absent: unchanged.'),
  aio: z
    .enum(['io_uring', 'native', 'threads'])
    .optional()
    .describe(
      'How the node does the I/O of the disk; native needs the cache mode none or directsync. It changes with a restart of the VM. Absent: unchanged.',
    ),
  backup: z
    .boolean()
    .optional()
    .describe(
      'Whether backups of the VM in Proxmox VE include the disk; absent: unchanged, and true for a new disk.',
    ),
  replicate: z
    .boolean()
    .optional()
    .describe(
      'Whether replication jobs of the VM in Proxmox VE include the disk; absent: unchanged, and true for a new disk.',
    ),
  limits: limits.optional().describe('I/O limits of the disk; absent: unchanged.'),
  reclaimPolicy: z
    .enum(['Delete', 'Detach'])
    .optional()
    .describe(
      'What happens to the disk when it is removed from the spec. Detach (also when absent): it stays with the VM as an unused disk. Delete: it is destroyed with its data. Deleting the VM destroys all its disks regardless of this field.',
    ),
});

const sized = rule(fields, {
  cel: 'has(self.size) || has(self.importFrom)',
  message: 'must have at least one of size and importFrom',
  holds: ({ size, importFrom }) => size !== undefined || importFrom !== undefined,
});

const withAio = rule(sized, {
  cel: "!has(self.aio) || self.aio != 'native' || !has(self.cache) || self.cache in ['none', 'directsync']",
  message: 'must have cache none or directsync with aio native: the VM would not start',
  holds: ({ aio, cache = 'none' }) => aio !== 'native' || cache === 'none' || cache === 'directsync',
});

const disk = rule(withAio, {
  cel: "self.name != 'root' || !has(self.importFrom) && !has(self.reclaimPolicy)",
  message:
    'must have neither importFrom nor reclaimPolicy if it is the boot disk, which is cloned from the image and deleted with the VM',
  holds: ({ name, importFrom, reclaimPolicy }) =>
    name !== 'root' || (importFrom === undefined && reclaimPolicy === undefined),
});

export const disks = listMap(disk, 'name', MAX_DISKS);

export const diskStatus = z.object({
  name: text(63).describe('Name of the disk in the spec; root is the boot disk.'),
  device: text(16).describe('Device in Proxmox VE, for example scsi1. It is chosen once and kept.'),
  volume: text(255).optional().describe('Volume in Proxmox VE; absent: not created yet.'),
  storage: text(100).optional().describe('Storage the volume is on.'),
  size: text(32).optional().describe('Current size.'),
  movedFrom: list(text(100), 8)
    .optional()
    .describe(
      'Storages that the boot disk was moved from and on which the EFI disk, the TPM state or the cloud-init drive of the VM is left. They follow when the VM is off.',
    ),
  reclaimPolicy: z
    .enum(['Delete', 'Detach'])
    .optional()
    .describe('Last reclaimPolicy that the spec had for the disk.'),
  destroying: z.boolean().optional().describe('Whether the operator has begun to destroy the disk.'),
});
