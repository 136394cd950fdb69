/** A virtual machine. */
import { age, ready } from './columns.ts';
import { kind, type Input, type Output, type PrinterColumn } from './kind.ts';
import type { Resource } from './resource.ts';
import { rule } from './schema.ts';
import { virtualMachineRules, virtualMachineSpec } from './virtualmachine-spec.ts';
import { withDataRules, withResolverRule } from './virtualmachine-userdata.ts';
import { virtualMachineStatus } from './virtualmachine-status.ts';

const text = (name: string, jsonPath: string, priority: 0 | 1 = 0): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath,
  priority,
});

const spec = rule(withResolverRule(withDataRules(virtualMachineSpec)), {
  cel: "!has(self.rebootPolicy) || self.rebootPolicy != 'MaintenanceWindow' || has(self.maintenanceWindow)",
  message: 'must have maintenanceWindow where rebootPolicy is MaintenanceWindow',
  holds: ({ rebootPolicy, maintenanceWindow }) =>
    rebootPolicy !== 'MaintenanceWindow' || maintenanceWindow !== undefined,
});

export const VirtualMachine = kind({
  kind: 'VirtualMachine',
  plural: 'virtualmachines',
  singular: 'virtualmachine',
  shortNames: ['vm'],
  description: 'A virtual machine on Proxmox VE, cloned from an image and kept in line with its spec.',
  spec,
  status: virtualMachineStatus,
  rules: virtualMachineRules,
  // If they were absent, a guest could be destroyed that its user may have asked to keep.
  whenUnreadable: { deletionPolicy: 'Retain', managementPolicy: 'ObserveOnly' },
  whole: ['providerRef', 'classRef', 'imageRef'],
  reportedOnly: [
    ...['phase', 'message', 'powerState', 'ipAddresses', 'cpus', 'memory', 'consoleURL'],
    'plan',
  ],
  about: 'vmid',
  selectableFields: ['.spec.providerRef.name', '.spec.classRef.name', '.status.node', '.status.phase'],
  columns: [
    text('Phase', '.status.phase'),
    text('Power', '.status.powerState'),
    text('Node', '.status.node'),
    { name: 'VMID', type: 'integer', jsonPath: '.status.vmid' },
    text('IP', '.status.ipAddresses[0]'),
    age,
    { ...ready, priority: 1 },
    { name: 'CPUs', type: 'integer', jsonPath: '.status.cpus', priority: 1 },
    text('Memory', '.status.memory', 1),
    text('Class', '.spec.classRef.name', 1),
    text('Provider', '.spec.providerRef.name', 1),
    text('Image', '.spec.imageRef.name', 1),
    text('Message', '.status.message', 1),
  ],
});

export type VirtualMachineSpec = Output<typeof virtualMachineSpec>;
export type VirtualMachineSpecInput = Input<typeof virtualMachineSpec>;
export type VirtualMachineStatus = Output<typeof virtualMachineStatus>;
/** The operator's own bookkeeping in status. */
export type VirtualMachineInternal = NonNullable<VirtualMachineStatus['internal']>;
export type VirtualMachine = Resource<VirtualMachineSpec, VirtualMachineStatus>;
