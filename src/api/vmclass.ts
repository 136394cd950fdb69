/** Size and hardware that many virtual machines can share. */
import { z } from 'zod';
import { MiB, bytes } from '../lib/units.ts';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import type { Resource } from './resource.ts';
import { quantity, rule, storageName, word } from './schema.ts';

const machine = word(
  /^(pc|q35|pc(-i440fx|-q35)?-[0-9]+(\.[0-9]+)+(\+pve[0-9]+)?(\.pxe)?)$/,
  40,
  'must be a machine type of Proxmox VE: q35, pc or a version of one, for example pc-q35-9.0',
);

const cpuType = word(
  /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  64,
  'must be a CPU type of Proxmox VE, for example host or x86-64-v2-AES',
);

const memory = quantity(bytes(16 * MiB), bytes(64 * 1024 ** 2 * MiB));
const cpus = z.int32().min(1).max(1024);

const fields = z.object({
  cpus: cpus.describe('Number of virtual CPUs.'),
  maxCpus: cpus
    .optional()
    .describe(
      'Maximum number of CPUs a VM can have without a restart. It is set when the VM is created and is limited by the CPUs of the smallest eligible node. Absent: four times cpus.',
    ),
  memory: memory.describe('Memory, as a quantity with a unit, for example 4Gi.'),
  maxMemory: memory
    .optional()
    .describe(
      'Maximum memory a VM can have without a restart. The VM is created with it, and its balloon is set to memory. Absent: every change of memory requires a restart.',
    ),
  cpuType: cpuType
    .optional()
    .describe(
      'Emulated CPU type, for example host or x86-64-v2-AES; absent: that of the template. A change takes effect at the next start of the VM.',
    ),
  spec: z
    .object({
      machine: machine.optional().describe('Machine type; absent: that of the template.'),
      bios: z
        .enum(['uefi', 'ovmf', 'bios', 'seabios'])
        .optional()
        .describe('Firmware: uefi (or ovmf), bios (or seabios); absent: that of the template.'),
      tpm: z
        .enum(['v2.0'])
        .optional()
        .describe(
          'Version of the TPM, which is stored on the storage of the boot disk; absent: as in the template.',
        ),
    })
    .optional()
    .describe('Settings specific to Proxmox VE. They take effect only when a VM is created.'),
  storage: z
    .object({
      class: storageName.optional().describe('Storage in Proxmox VE for disks that do not name another.'),
      type: z
        .enum(['thin', 'thick'])
        .optional()
        .describe(
          'Whether disks allocate their space as it is used (thin) or at once (thick). In Proxmox VE the storage decides, except where disks are files: thin creates qcow2 files, thick raw files. If the storage does the opposite, the condition FieldsIgnored of the VM reports it.',
        ),
    })
    .optional()
    .describe('Storage for the disks of VMs of this class.'),
});

const spec = rule(
  rule(fields, {
    cel: '!has(self.maxCpus) || self.maxCpus >= self.cpus',
    message: 'must have maxCpus of at least cpus',
    holds: ({ cpus, maxCpus }) => maxCpus === undefined || maxCpus >= cpus,
  }),
  {
    cel:
      '!has(self.maxMemory) || !isQuantity(string(self.maxMemory)) || !isQuantity(string(self.memory))' +
      ' || quantity(string(self.maxMemory)).compareTo(quantity(string(self.memory))) >= 0',
    message: 'must have maxMemory of at least memory',
    holds: ({ memory, maxMemory }) => maxMemory === undefined || maxMemory >= memory,
  },
);

const status = z.object(statusBase);

export const VMClass = kind({
  kind: 'VMClass',
  plural: 'vmclasses',
  singular: 'vmclass',
  shortNames: [],
  description:
    'Size and hardware of virtual machines: CPUs, memory, firmware and storage. Many VMs can share a class.',
  spec,
  status,
  columns: [
    { name: 'CPUs', type: 'integer', jsonPath: '.spec.cpus' },
    { name: 'Memory', type: 'string', jsonPath: '.spec.memory' },
    ready,
    age,
    readyMessage,
  ],
});

export type VMClassSpec = Output<typeof spec>;
export type VMClassSpecInput = Input<typeof spec>;
export type VMClassStatus = Output<typeof status>;
export type VMClass = Resource<VMClassSpec, VMClassStatus>;
