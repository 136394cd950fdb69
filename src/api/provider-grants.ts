/** What VMs of other namespaces may use of a Provider. */
import { z } from 'zod';
import { bytes, MiB } from '../lib/units.ts';
import { mappingName } from './devices.ts';
import { labelSelector } from './label-selector.ts';
import { list, node, poolName, quantity, rule, storageName, bridgeName, vmidNumber, word } from './schema.ts';
import { tag } from './virtualmachine-options.ts';

const MAX_GRANTS = 32;
const MAX_ENTRIES = 32;

export const vmIdRange = rule(
  z.object({
    start: vmidNumber.describe('First VMID of the range.'),
    end: vmidNumber.describe('Last VMID of the range.'),
  }),
  {
    cel: 'self.start <= self.end',
    message: 'must not end before it starts',
    holds: ({ start, end }) => start <= end,
  },
);

const namespaceOrAll = word(
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?|[*])$/,
  63,
  'must be the name of a namespace: lowercase letters, digits and hyphens, or * for all namespaces',
);

/** A list that limits: if it is empty, somebody forgot to fill it. */
const limitedTo = <T extends z.ZodType>(item: T) => list(item, MAX_ENTRIES).min(1);

const guests = rule(
  z.object({
    vmIdRange: vmIdRange.optional().describe('VMIDs of the guests.'),
    pool: poolName.optional().describe('Pool of the guests in Proxmox VE.'),
    tag: tag.optional().describe('Tag of the guests in Proxmox VE; case does not matter.'),
  }),
  {
    cel: 'has(self.vmIdRange) || has(self.pool) || has(self.tag)',
    message: 'must have at least one of vmIdRange, pool and tag',
    holds: (wanted) =>
      wanted.vmIdRange !== undefined || wanted.pool !== undefined || wanted.tag !== undefined,
  },
);

const volumes = word(
  /^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]:[a-zA-Z0-9_./+@=~-]*[*]?$/,
  255,
  'must be a volume in Proxmox VE, or the beginning of its ID followed by *, for example local:import/*',
);

const snippets = word(
  /^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]:snippets\/[a-zA-Z0-9_.+@=~-]*[*]?$/,
  255,
  'must be a snippet, or the beginning of its ID followed by *, for example local:snippets/team-a-*',
);

/** No query and nobody's name: entries are compared as parsed URLs. */
const downloads = word(
  /^https?:\/\/([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?\/[a-zA-Z0-9_./+@=~-]*$/,
  512,
  'must be the beginning of a URL, with its host and a path, for example https://cloud-images.example.com/',
);

const quotas = rule(
  z.object({
    vms: z.int32().min(0).optional().describe('Maximum number of VMs.'),
    cpus: z.int32().min(0).optional().describe('Maximum number of CPUs of all VMs.'),
    memory: quantity(bytes(16 * MiB), bytes(1024 ** 3 * MiB))
      .optional()
      .describe('Maximum memory of all VMs, as a quantity with a unit, for example 64Gi.'),
  }),
  {
    cel: 'has(self.vms) || has(self.cpus) || has(self.memory)',
    message: 'must have at least one of vms, cpus and memory',
    holds: ({ vms, cpus, memory }) => vms !== undefined || cpus !== undefined || memory !== undefined,
  },
);

const namespaces = rule(
  z.object({
    names: list(namespaceOrAll, 64).min(1).optional().describe('Names of namespaces; * stands for all.'),
    selector: labelSelector
      .optional()
      .describe(
        'Namespaces by their labels, as Kubernetes has them on Namespace objects: whoever may label a Namespace admits it. It admits nobody where the operator watches single namespaces, because it may not read Namespaces then.',
      ),
  }),
  {
    cel: 'has(self.names) != has(self.selector)',
    message: 'must have exactly one of names and selector',
    holds: ({ names, selector }) => (names === undefined) !== (selector === undefined),
  },
);

const grant = z.object({
  namespaces: namespaces.describe('Namespaces whose VirtualMachines may refer to the Provider.'),
  nodes: limitedTo(node)
    .optional()
    .describe('Nodes that the VMs may be placed on, out of those of the Provider; absent: all of them.'),
  storages: limitedTo(storageName)
    .optional()
    .describe('Storages that the disks of the VMs may be on, including those of templates; absent: all.'),
  bridges: limitedTo(bridgeName)
    .optional()
    .describe('Bridges and SDN vnets that the VMs may be connected to; absent: all.'),
  pools: limitedTo(poolName)
    .optional()
    .describe(
      'Pools that new VMs may be added to; absent: all. A VM that names none is added to the pool of the Provider if that is listed, and otherwise to the first of the list.',
    ),
  vmIdRange: vmIdRange
    .optional()
    .describe(
      'Range of the VMIDs of new VMs, instead of that of the Provider; absent: that of the Provider.',
    ),
  deletionPolicies: limitedTo(z.enum(['Delete', 'Retain', 'Stop']))
    .optional()
    .describe(
      'Deletion policies that the VMs may have; absent: all. If a VM has another one by the time it is deleted, it is retained.',
    ),
  quotas: quotas
    .optional()
    .describe('Limits for the VMs of all namespaces of this entry together; absent: none.'),
  adopt: list(guests, MAX_ENTRIES)
    .optional()
    .describe(
      'Guests without an owner that may be adopted: those that one of the entries matches. Absent: none.',
    ),
  sources: list(guests, MAX_ENTRIES)
    .optional()
    .describe(
      'Guests that are not templates and may be cloned: those that one of the entries matches. Absent: none. Templates may always be cloned.',
    ),
  volumes: list(volumes, MAX_ENTRIES)
    .optional()
    .describe(
      'Volumes that disks may be imported from, and ISO images that may be put into CD-ROM drives, by ID or by the beginning of the ID followed by *. A disk of a guest must be listed by its ID. Absent: none.',
    ),
  snippets: list(snippets, MAX_ENTRIES)
    .optional()
    .describe(
      'Snippets that may be used as user data, by ID or by the beginning of the ID followed by *. Absent: none.',
    ),
  devices: list(mappingName, MAX_ENTRIES)
    .optional()
    .describe('Resource mappings whose PCI and USB devices the VMs may use, by name. Absent: none.'),
  downloads: list(downloads, MAX_ENTRIES)
    .optional()
    .describe(
      'URLs that VMImages may download from, by their beginnings, which end where a part of the path does, for example https://cloud-images.example.com/debian/. Absent: none.',
    ),
  placementAcrossNamespaces: z
    .boolean()
    .optional()
    .describe(
      'Whether terms of their placement policies may mean VMs of other namespaces (namespaceSelector), which then keep away from them as well. Absent: false.',
    ),
});

export const grants = list(grant, MAX_GRANTS);
