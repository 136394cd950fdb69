/** What is reported about a virtual machine. */
import { z } from 'zod';
import { nodeName, upid } from '../lib/units.ts';
import { statusBase } from './conditions.ts';
import { hookStatus } from './virtualmachine-hook.ts';
import { list, moment, text, vmidNumber } from './schema.ts';
import { diskStatus } from './virtualmachine-disks.ts';

const networkStatus = z.object({
  name: text(63).optional().describe('Name of the interface in the spec.'),
  device: text(16).describe('Device in Proxmox VE, for example net0.'),
  mac: text(17).describe('MAC address.'),
  bridge: text(64).optional().describe('Bridge or SDN vnet.'),
  settings: list(text(16), 8)
    .optional()
    .describe(
      'Optional settings that the spec gave, by their names in Proxmox VE; what leaves the spec is taken back.',
    ),
  ipAddresses: list(text(64), 32)
    .optional()
    .describe('Addresses that the guest agent reports for the interface.'),
});

const task = z.object({
  upid: text(256).transform(upid).describe('Identifier of the task in Proxmox VE.'),
  type: text(64).describe('What the task does, for example Clone or GrowDisk.'),
  startedAt: moment.describe('When the task was started.'),
  progress: text(128)
    .optional()
    .describe('How far a long copy has come, as Proxmox VE logs it, for example scsi0: 5.0 GiB of 32.0 GiB.'),
});

const pendingChange = z.object({
  key: text(64).describe('Setting in Proxmox VE.'),
  current: text(1024).optional().describe('Value that the running VM has.'),
  pending: text(1024).optional().describe('Value after the next start; absent: the setting goes.'),
});

const digest = text(64);
const given = z.object({
  userData: digest.describe('Of the user data.'),
  sshKeys: digest.describe('Of the SSH keys.'),
  metaData: digest.describe('Of the meta-data.'),
  networkData: digest.describe('Of the network data.'),
});

const failure = z.object({
  step: text(64).describe('What failed, for example Clone or GrowDisk.'),
  message: text(1024).describe('What Proxmox VE said.'),
  attempts: z.int32().min(0).describe('How often it was tried.'),
  at: moment.describe('When it failed last.'),
  generation: z.int().min(0).describe('Generation of the object that failed.'),
});

const placement = z.object({
  template: vmidNumber.describe('VMID of the template that was cloned.'),
  node: text(63).transform(nodeName).describe('Node that the VM was made for.'),
  storage: text(100).optional().describe('Storage of the root disk.'),
  fullCloneReason: text(512)
    .optional()
    .describe('Why it is a full clone although a linked one is preferred; absent: it is linked.'),
});

export const virtualMachineStatus = z.object({
  ...statusBase,
  phase: z
    .enum(['Pending', 'Provisioning', 'Running', 'Stopped', 'Reconfiguring', 'Deleting', 'Failed'])
    .optional()
    .describe('The state in one word, for people; programs read the conditions.'),
  message: text(1024).optional().describe('The state as a sentence.'),
  powerState: text(32)
    .optional()
    .describe('State of the guest in Proxmox VE: On, Off or what else it reports.'),
  node: text(63).transform(nodeName).optional().describe('Node that the VM lies on now.'),
  vmid: vmidNumber.optional().describe('VMID, reserved before the VM is created.'),
  claimedAt: moment.optional().describe('When the VMID was reserved.'),
  createdAt: moment
    .optional()
    .describe('When the VM was complete for the first time: configured and, if it shall run, started.'),
  name: text(255).optional().describe('Name of the guest in Proxmox VE.'),
  ipAddresses: list(text(64), 64)
    .optional()
    .describe('Addresses that the guest agent reports, without loopback and link-local ones.'),
  networks: list(networkStatus, 32).optional().describe('Network interfaces as they are.'),
  disks: list(diskStatus, 62).optional().describe('The boot disk, and the disks that the operator made.'),
  consoleURL: text(1024).optional().describe('Where the console opens in a browser.'),
  task: task.optional().describe('Task in Proxmox VE that is being waited for.'),
  pendingChanges: list(pendingChange, 64)
    .optional()
    .describe('Settings that the running VM takes up at its next start.'),
  cloudInit: z
    .object({
      mode: z
        .enum(['None', 'Native', 'Image'])
        .describe('None: no cloud-init. Native: Proxmox VE makes the drive. Image: the operator does.'),
      volume: text(255).optional().describe('Volume of the image that the operator made.'),
      node: text(63)
        .transform(nodeName)
        .optional()
        .describe('Node that the image was uploaded to; it matters where the storage is not shared.'),
      given: given
        .optional()
        .describe('Digests of what the guest was given, made with a key that only the operator has.'),
      instance: z
        .int32()
        .min(0)
        .optional()
        .describe('How often the guest was given something new as a new instance.'),
      handedAt: moment.optional().describe('When it was given that.'),
      served: z.boolean().optional().describe('The guest has read its image, so that it can go.'),
    })
    .optional()
    .describe('How cloud-init gets its data.'),
  uuid: text(36)
    .optional()
    .describe('SMBIOS UUID of the guest; the uid of this object once the guest was configured.'),
  cloneType: z.enum(['Linked', 'Full']).optional().describe('How the VM was cloned.'),
  plan: list(text(1024), 16)
    .optional()
    .describe(
      'What would be done, with the annotation virtrigaud.io/dry-run; empty: nothing. Absent without the annotation.',
    ),
  restartedAt: text(40)
    .optional()
    .describe('Value of the annotation virtrigaud.io/restartedAt that was carried out last.'),
  restart: z
    .object({
      cause: z
        .enum(['Requested', 'PendingChanges'])
        .describe('Requested: by the annotation. PendingChanges: by spec.rebootPolicy.'),
      of: text(64).describe('The request, or a digest of the changes.'),
      at: moment.describe('When it was announced.'),
      stopped: z.boolean().optional().describe('Whether the VM was seen off since.'),
    })
    .optional()
    .describe('Restart that is under way.'),
  appliedDigest: text(64)
    .optional()
    .describe(
      'Digest of the settings that were last brought about. While they stay the same, what differs was changed in Proxmox VE.',
    ),
  adopted: z.boolean().optional().describe('The VM existed before, and was taken over by spec.adopt.'),
  host: text(63)
    .transform(nodeName)
    .optional()
    .describe(
      'Node of spec.placement.host, once the VM was on it. Elsewhere later, it was moved in Proxmox VE.',
    ),
  placement: placement
    .optional()
    .describe('What was chosen for the VM when it was made, by the operator or by the spec.'),
  tags: list(text(64), 100).optional().describe('Tags in Proxmox VE that the operator set.'),
  hook: hookStatus.optional().describe('The last hook of spec.lifecycle.'),
  failure: failure.optional().describe('The last step that failed and was not yet repeated with success.'),
});
