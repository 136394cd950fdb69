/** What is reported about a virtual machine. */
import { z } from 'zod';
import { nodeName, upid } from '../lib/units.ts';
import { statusBase } from './conditions.ts';
import { cdromStatus } from './virtualmachine-boot.ts';
import { hookStatus } from './virtualmachine-hook.ts';
import { list, moment, text, vmidNumber } from './schema.ts';
import { diskStatus } from './virtualmachine-disks.ts';
import { virtualMachineInternal } from './virtualmachine-internal.ts';

const networkStatus = z.object({
  name: text(63).optional().describe('Name of the interface in the spec.'),
  device: text(16).describe('Device in Proxmox VE, for example net0.'),
  mac: text(17).describe('MAC address.'),
  bridge: text(64).optional().describe('Bridge or SDN vnet.'),
  settings: list(text(16), 8)
    .optional()
    .describe(
      'Optional settings that the spec gave, by their names in Proxmox VE; they are reset when they are removed from the spec.',
    ),
  ipAddresses: list(text(64), 32)
    .optional()
    .describe('Addresses that the guest agent reports for the interface.'),
});

const task = z.object({
  upid: text(256).transform(upid).describe('Identifier of the task in Proxmox VE.'),
  type: text(64).describe('What the task does, for example Clone or GrowDisk.'),
  target: text(128).optional().describe('What it is done to, for example the name of a disk.'),
  startedAt: moment.describe('When the task was started.'),
  progress: text(128)
    .optional()
    .describe('How far a long copy has come, as Proxmox VE logs it, for example scsi0: 5.0 GiB of 32.0 GiB.'),
});

const pendingChange = z.object({
  key: text(64).describe('Setting in Proxmox VE.'),
  current: text(1024).optional().describe('Value that the running VM has.'),
  pending: text(1024).optional().describe('Value after the next start; absent: the setting is removed.'),
});

const failure = z.object({
  step: text(64).describe('What failed, for example Clone or GrowDisk.'),
  target: text(128).optional().describe('What it was done to, for example the name of a disk.'),
  message: text(1024).describe('What Proxmox VE said.'),
  attempts: z.int32().min(0).describe('How often it was tried.'),
  at: moment.describe('When it failed last.'),
  generation: z.int().min(0).describe('Generation of the object that failed.'),
});

const placement = z.object({
  template: vmidNumber
    .optional()
    .describe('VMID of the template, or of the VM, that was cloned; absent: the VM was made without one.'),
  node: text(63).transform(nodeName).describe('Node that the VM was made for.'),
  storage: text(100).optional().describe('Storage of the root disk.'),
  fullCloneReason: text(512)
    .optional()
    .describe('Why it is a full clone although a linked one is preferred; absent: it is linked.'),
  disks: list(
    z.object({
      name: text(63).describe('Name of the disk.'),
      device: text(16).describe('Device in Proxmox VE, for example scsi1.'),
    }),
    62,
  )
    .optional()
    .describe('Disks with a name that are copied with spec.cloneFrom, and where the copies are.'),
});

const snapshotEntry = z.object({
  name: text(40).describe('Name of the snapshot in Proxmox VE.'),
  vmSnapshot: text(253)
    .optional()
    .describe(
      'Name of its VMSnapshot. Absent: somebody else took the snapshot; the operator never touches it.',
    ),
  parent: text(40).optional().describe('Name of the snapshot that it is based on.'),
  creationTime: moment.optional().describe('When it was taken.'),
  memory: z.boolean().optional().describe('Whether it has the memory of the VM.'),
});

const deviceStatus = z.object({
  device: text(16).describe('Device in Proxmox VE, for example hostpci0.'),
  mapping: text(100).describe('Resource mapping.'),
});

const unusedVolume = z.object({
  device: text(16).describe('Device in Proxmox VE, for example unused0.'),
  volume: text(255).describe('Volume in Proxmox VE.'),
  storage: text(100).optional().describe('Storage that holds the volume.'),
  disk: text(63)
    .optional()
    .describe(
      'Name of the disk that the volume was. If a disk of that name comes back into the spec, the volume is attached again.',
    ),
  size: text(32).optional().describe('Size of that disk when it was detached.'),
});

export const virtualMachineStatus = z.object({
  phase: z
    .enum(['Pending', 'Provisioning', 'Running', 'Stopped', 'Reconfiguring', 'Deleting', 'Failed'])
    .optional()
    .describe('Summary of the state of the VM in one word. Programs should read the conditions instead.'),
  message: text(1024).optional().describe('Human-readable summary of the state of the VM.'),
  powerState: text(32)
    .optional()
    .describe('Power state of the guest in Proxmox VE: On, Off, or another state that it reports.'),
  node: text(63).transform(nodeName).optional().describe('Node the VM is on.'),
  vmid: vmidNumber.optional().describe('VMID. It is reserved before the VM is created.'),
  ipAddresses: list(text(64), 64)
    .optional()
    .describe(
      'IP addresses reported by the guest agent, without loopback and link-local addresses. Those of the spec come first.',
    ),
  cpus: z
    .int32()
    .min(0)
    .optional()
    .describe('Number of CPUs the guest has now. Pending changes are not included.'),
  memory: text(32)
    .optional()
    .describe(
      'Memory the guest has now, as a quantity. Pending changes are not included. It is the target of the balloon where the guest has one that the operator sets.',
    ),
  name: text(255).optional().describe('Name of the VM in Proxmox VE.'),
  consoleURL: text(1024).optional().describe('URL of the console in the web interface of Proxmox VE.'),
  disks: list(diskStatus, 62).optional().describe('The boot disk, and the disks that the operator created.'),
  cdroms: list(cdromStatus, 16)
    .optional()
    .describe('CD-ROM drives of the spec, and those that left it and are not removed yet.'),
  devices: list(deviceStatus, 30)
    .optional()
    .describe('Devices of the node that the VM has by resource mapping.'),
  unusedVolumes: list(unusedVolume, 64)
    .optional()
    .describe(
      'Volumes that belong to the VM and are not attached, for example detached disks. At most 64 are listed. They are destroyed with the VM.',
    ),
  snapshots: list(snapshotEntry, 32)
    .optional()
    .describe('Snapshots of the VM in Proxmox VE, the newest first. At most 32 are listed.'),
  snapshotCount: z.int32().min(0).optional().describe('Number of snapshots of the VM in Proxmox VE.'),
  networks: list(networkStatus, 32).optional().describe('Network interfaces the VM has.'),
  pendingChanges: list(pendingChange, 64)
    .optional()
    .describe('Settings that take effect when the VM is next stopped and started.'),
  plan: list(text(1024), 16)
    .optional()
    .describe(
      'Changes that the operator would make. Present with the annotation virtrigaud.io/dry-run. An empty list means no changes.',
    ),
  task: task.optional().describe('Task in Proxmox VE that the operator waits for.'),
  failure: failure
    .optional()
    .describe('Last step that failed. It is removed once the step has been repeated successfully.'),
  hook: hookStatus.optional().describe('Last hook of spec.lifecycle.'),
  adopted: z.boolean().optional().describe('Whether the VM existed before and was adopted with spec.adopt.'),
  createdAt: moment
    .optional()
    .describe('Time at which the VM was first complete: configured and, unless it is to be off, started.'),
  cloneType: z
    .enum(['Linked', 'Full', 'None'])
    .optional()
    .describe('How the VM was cloned from its template or from another VM. None: it was made without one.'),
  placement: placement.optional().describe('Placement chosen when the VM was created.'),
  ...statusBase,
  internal: virtualMachineInternal
    .optional()
    .describe(
      "The operator's own bookkeeping. Do not rely on it: its fields may change without notice. Do not edit it: the operator acts on it.",
    ),
});
