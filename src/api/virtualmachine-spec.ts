/** What a user wishes of a virtual machine. */
import { z } from 'zod';
import { DEFAULTS } from './defaults.ts';
import { maintenanceWindow, rebootPolicy } from './reboot.ts';
import { objectRef, secretRef } from './refs.ts';
import { immutableOnce } from './immutable.ts';
import { duration, listMap, node, poolName, rule, vmidNumber } from './schema.ts';
import { disks } from './virtualmachine-disks.ts';
import { network } from './virtualmachine-network.ts';
import { hook, readinessProbe } from './virtualmachine-hook.ts';
import { optionFields } from './virtualmachine-options.ts';
import { metaData, networkData, userData } from './virtualmachine-userdata.ts';

/** On is kept up; Off stops at once; OffGraceful asks the guest to shut down. */
const powerStates = ['On', 'Off', 'OffGraceful'] as const;

/**
 * YAML 1.1 reads a bare `On` as true, YAML 1.2 as text, and kubectl's ways of applying differ in which they use.
 * A schema without a type is the only one that takes both.
 */
const powerState = z
  .union([z.enum(powerStates), z.boolean()])
  .transform((value) => (typeof value === 'string' ? value : value ? 'On' : 'Off'))
  .meta({ crd: { 'x-kubernetes-preserve-unknown-fields': true, enum: [...powerStates, true, false] } });

/** What identifies a VM is fixed from the reservation of its VMID on. */
const IDENTITY = 'cannot be changed once the VM has a VMID: create another VirtualMachine';

export const virtualMachineRules = [
  immutableOnce({ once: 'vmid', field: 'providerRef', is: 'required', message: IDENTITY }),
  immutableOnce({ once: 'vmid', field: 'imageRef', is: 'kept', message: IDENTITY }),
  immutableOnce({
    once: 'vmid',
    field: 'vmid',
    is: 'absent',
    message: 'cannot be changed, added or removed once the VM has a VMID: create another VirtualMachine',
  }),
  {
    rule:
      '!has(oldSelf.status) || !has(oldSelf.status.vmid) || !has(oldSelf.spec.adopt) || !has(self.spec.adopt)' +
      ' || self.spec.adopt.vmid == oldSelf.spec.adopt.vmid',
    message: 'cannot be changed once the VM has a VMID: create another VirtualMachine to adopt another VM',
    fieldPath: '.spec.adopt.vmid',
  },
];

const spec = z.object({
  providerRef: objectRef.describe('Provider the VM runs on. It cannot be changed once the VM has a VMID.'),
  classRef: objectRef.describe('VMClass that gives CPUs and memory; another one resizes the VM.'),
  imageRef: objectRef
    .optional()
    .describe(
      'VMImage the VM is cloned from. Required unless adopt is set. It cannot be changed once the VM has a VMID.',
    ),
  vmid: vmidNumber
    .optional()
    .describe(
      'VMID that the VM gets; absent: a free one. It cannot be changed, added or removed later. While somebody else has it, the VM waits.',
    ),
  adopt: z
    .object({
      vmid: vmidNumber.describe('VMID of the VM. It cannot be changed once the VM has been adopted.'),
    })
    .optional()
    .describe(
      'A VM that exists in Proxmox VE is taken over, and none is created. It is brought to the spec as far as that needs no restart; with managementPolicy ObserveOnly nothing is changed, and what would be is told. A VM of another VirtualMachine is not taken. It has no effect once this object has another VM.',
    ),
  powerState: powerState
    .optional()
    .describe(
      'On (also when absent): the VM is kept running. Off: it is stopped at once. OffGraceful: the guest is asked to shut down, and stopped after lifecycle.gracefulShutdownTimeout.',
    ),
  networks: listMap(network, 'name', 32)
    .optional()
    .describe('Network interfaces in order, net0 first; absent: those of the template are left as they are.'),
  disks: disks
    .optional()
    .describe(
      'Disks; absent: those of the template. Disks of the template that have no name here stay as they are.',
    ),
  userData: userData.optional().describe('Data handed to the guest at its first boot.'),
  metaData: metaData.optional().describe('Meta-data handed to the guest beside it.'),
  networkData: networkData
    .optional()
    .describe('Network configuration handed to the guest instead of what follows from networks.'),
  sshKeysSecretRef: secretRef
    .optional()
    .describe(
      `Secret with SSH public keys, one a line, for the default user of the guest; the key is ${DEFAULTS.sshKeysKey} unless given.`,
    ),
  rebootPolicy: rebootPolicy
    .optional()
    .describe(
      'Whether the operator restarts the VM where changes wait for it. Never (also when absent): it only tells. IfRequired: at once. MaintenanceWindow: within maintenanceWindow. VMs of a class are restarted one at a time.',
    ),
  maintenanceWindow: maintenanceWindow
    .optional()
    .describe('When the VM may be restarted, with rebootPolicy MaintenanceWindow.'),
  driftPolicy: z
    .enum(['Report', 'Revert'])
    .optional()
    .describe(
      'What becomes of settings that somebody else changed in Proxmox VE. Report (also when absent): they are told in the condition Synced and left as they are. Revert: they are brought back. A change of the spec or the class is brought about in any case, and so is the power state.',
    ),
  ...optionFields,
  placement: z
    .object({
      host: node
        .optional()
        .describe(
          'Node that the VM lies on. When it changes, the VM is moved: while it runs without interruption, else while it is off; it is never stopped for that. Absent: a new VM is placed by the operator, one that exists stays where it is.',
        ),
      pool: poolName
        .optional()
        .describe("Pool in Proxmox VE that a new VM is put into; absent: the Provider's, if it has one."),
    })
    .optional()
    .describe('Where the VM lies.'),
  lifecycle: z
    .object({
      gracefulShutdownTimeout: duration
        .optional()
        .describe(
          `How long the guest may take to shut down before it is stopped, for example 5m; absent: ${DEFAULTS.gracefulShutdownTimeout / 1000}s.`,
        ),
      postStart: hook
        .optional()
        .describe('Runs after each start that the operator made, once the guest agent answers.'),
      preStop: hook
        .optional()
        .describe(
          'Runs before the operator shuts down, stops or deletes the VM, for gracefulShutdownTimeout at most; it never prevents that.',
        ),
      readinessProbe: readinessProbe
        .optional()
        .describe(
          'Runs again and again while the VM runs, which is Ready only when it succeeds. Absent: the VM is Ready as soon as it is as the spec says.',
        ),
    })
    .optional()
    .describe('What happens when the VM starts and stops.'),
  managementPolicy: z
    .enum(['Full', 'ObserveOnly', 'CreateOnly', 'Paused'])
    .optional()
    .describe(
      'How far the VM is managed. Full (also when absent): it is kept as the spec says. ObserveOnly: everything is reported and nothing in Proxmox VE is changed, also not when this object is deleted. CreateOnly: it is created, configured and started once, and from then on only reported; it is deleted as deletionPolicy says. Paused: nothing is asked of Proxmox VE and nothing is done.',
    ),
  deletionPolicy: z
    .enum(['Delete', 'Retain', 'Stop'])
    .optional()
    .describe(
      'What becomes of the VM when this object is deleted. Delete: it is shut down and destroyed. Retain: it stays in Proxmox VE as it is. Stop: it is shut down and stays. Absent: Delete, and Retain for a VM that was adopted.',
    ),
});

const withSource = rule(spec, {
  cel: 'has(self.imageRef) || has(self.adopt)',
  message: 'give imageRef, the VMImage that the VM is cloned from, or adopt, a VM that exists',
  holds: ({ imageRef, adopt }) => imageRef !== undefined || adopt !== undefined,
});

export const virtualMachineSpec = rule(withSource, {
  cel: '!has(self.vmid) || !has(self.adopt)',
  message: 'vmid and adopt exclude each other: an adopted VM keeps its VMID',
  holds: ({ vmid, adopt }) => vmid === undefined || adopt === undefined,
});
