/** Size and hardware that many virtual machines can share. */
import { z } from 'zod';
import { MiB, bytes } from '../lib/units.ts';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { devices } from './devices.ts';
import { kind, type Input, type Output } from './kind.ts';
import type { Resource } from './resource.ts';
import { quantity, rule, storageName, word } from './schema.ts';
import { creationSettings, hardware } from './vmclass-hardware.ts';

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
  minMemory: memory
    .optional()
    .describe(
      'Minimum memory a VM keeps when its node runs short of memory: Proxmox VE then resizes the balloon between minMemory and memory. It excludes maxMemory. Absent: a new VM has no such minimum, and one that exists keeps what it has.',
    ),
  cpuType: cpuType
    .optional()
    .describe(
      'Emulated CPU type, for example host or x86-64-v2-AES, or custom-NAME for a model that the administrator defined in Proxmox VE; absent: that of the template. A change takes effect at the next start of the VM.',
    ),
  spec: creationSettings
    .optional()
    .describe('Settings specific to Proxmox VE. They take effect only when a VM is created.'),
  hardware: hardware
    .optional()
    .describe('Hardware besides CPUs, memory and disks; what is absent is left as it is.'),
  devices: devices
    .optional()
    .describe(
      'Devices of the node that each VM of the class uses, unless the VM lists its own. The list is complete: other mapped devices are removed. Absent: as in the template.',
    ),
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

/** @param optional - the one of them that may be absent */
const compared = (optional: string, greater: string, less: string): string =>
  `!has(self.${optional}) || !isQuantity(string(self.${greater})) || !isQuantity(string(self.${less}))` +
  ` || quantity(string(self.${greater})).compareTo(quantity(string(self.${less}))) >= 0`;

const withCpus = rule(
  rule(fields, {
    cel: '!has(self.maxCpus) || self.maxCpus >= self.cpus',
    message: 'must have maxCpus of at least cpus',
    holds: ({ cpus, maxCpus }) => maxCpus === undefined || maxCpus >= cpus,
  }),
  {
    cel: '!has(self.hardware) || !has(self.hardware.sockets) || self.cpus % self.hardware.sockets == 0',
    message: 'must have cpus that are a multiple of hardware.sockets',
    holds: ({ cpus, hardware: { sockets = 1 } = {} }) => cpus % sockets === 0,
  },
);

const withMaximum = rule(withCpus, {
  cel: compared('maxMemory', 'maxMemory', 'memory'),
  message: 'must have maxMemory of at least memory',
  holds: ({ memory, maxMemory }) => maxMemory === undefined || maxMemory >= memory,
});

const spec = rule(
  rule(withMaximum, {
    cel: compared('minMemory', 'memory', 'minMemory'),
    message: 'must have minMemory of at most memory',
    holds: ({ memory, minMemory }) => minMemory === undefined || minMemory <= memory,
  }),
  {
    cel: '!has(self.minMemory) || !has(self.maxMemory)',
    message: 'must not have both minMemory and maxMemory: each sets the balloon of the VM',
    holds: ({ minMemory, maxMemory }) => minMemory === undefined || maxMemory === undefined,
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
