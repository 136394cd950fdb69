/** Desired state of a virtual machine. */
import { z } from 'zod';
import { DEFAULTS } from './defaults.ts';
import { maintenanceWindow, rebootPolicy } from './reboot.ts';
import { localRef, objectRef, secretRef } from './refs.ts';
import { devices } from './devices.ts';
import { immutableOnce } from './immutable.ts';
import { duration, listMap, node, poolName, rule, vmidNumber, word } from './schema.ts';
import { bootOrder, cdroms } from './virtualmachine-boot.ts';
import { cloneFrom } from './virtualmachine-clone.ts';
import { disks } from './virtualmachine-disks.ts';
import { guestFields } from './virtualmachine-guest.ts';
import { network } from './virtualmachine-network.ts';
import { hook, readinessProbe } from './virtualmachine-hook.ts';
import { optionFields } from './virtualmachine-options.ts';
import { powerState } from './virtualmachine-power.ts';
import { metaData, networkData, userData } from './virtualmachine-userdata.ts';

/** What identifies a VM is immutable once its VMID is reserved. */
const IDENTITY = 'cannot be changed once the VM has a VMID: create another VirtualMachine';

export const virtualMachineRules = [
  immutableOnce({ once: 'vmid', field: 'providerRef', is: 'required', message: IDENTITY }),
  immutableOnce({ once: 'vmid', field: 'imageRef', is: 'kept', message: IDENTITY }),
  immutableOnce({
    once: 'vmid',
    field: 'cloneFrom',
    is: 'absent',
    message: 'cannot be changed, added or removed once the VM has a VMID: create another VirtualMachine',
  }),
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

const ownerLine = word(
  /^virtrigaud: [!-.0-~]+\/[!-.0-~]+\/[!-.0-~]+\/[!-.0-~]+( uuid=([0-9A-Fa-f-]+|none))?$/,
  512,
  'must be the line of the description that starts with "virtrigaud: ", as it is there',
);

const spec = z.object({
  providerRef: objectRef.describe('Provider the VM runs on. It cannot be changed once the VM has a VMID.'),
  classRef: objectRef.describe('VMClass that sets CPUs and memory. Changing it resizes the VM.'),
  imageRef: objectRef
    .optional()
    .describe(
      'VMImage the VM is cloned from. Without imageRef, cloneFrom and adopt the VM is made without a template, which requires boot and a disk root with a size. It cannot be changed once the VM has a VMID.',
    ),
  cloneFrom: cloneFrom
    .optional()
    .describe(
      'Virtual machine or snapshot that the VM is cloned from, instead of an image. It is read once, when the VM is created, and cannot be changed once the VM has a VMID.',
    ),
  vmid: vmidNumber
    .optional()
    .describe(
      'VMID of the VM; absent: a free one is chosen. It cannot be changed, added or removed once the VM has a VMID. The VM is not created while another guest has the VMID.',
    ),
  adopt: z
    .object({
      vmid: vmidNumber.describe('VMID of the VM. It cannot be changed once the VM has been adopted.'),
      confirmMark: ownerLine
        .optional()
        .describe(
          'Owner line in the description of a VM that belongs to another Kubernetes installation, which confirms that it no longer manages the VM. Without it such a VM is not adopted.',
        ),
    })
    .optional()
    .describe(
      'Adopts an existing VM in Proxmox VE instead of creating one. The spec is applied as far as that requires no restart. With managementPolicy ObserveOnly nothing is changed, and differences are reported. A VM that belongs to another VirtualMachine is not adopted. It has no effect once this object has another VM.',
    ),
  powerState: powerState
    .optional()
    .describe(
      'On (also when absent): the VM is kept running. Off: it is stopped at once. OffGraceful: the guest is asked to shut down, and stopped after lifecycle.gracefulShutdownTimeout. Write it in quotes: some readers of YAML take a bare On for true and Off for false, which mean the same here.',
    ),
  networks: listMap(network, 'name', 32)
    .optional()
    .describe('Network interfaces in order, net0 first; absent: those of the template are left as they are.'),
  disks: disks
    .optional()
    .describe(
      'Disks of the VM; absent: those of the template. Disks of the template that are not listed here are left as they are.',
    ),
  cdroms: cdroms
    .optional()
    .describe(
      'CD-ROM drives with ISO images; absent: those of the template. While the VM runs, the image of a drive is changed and ejected at once, and a drive is added at the next start. The drive of an entry that is removed is emptied at once and removed when the VM is off.',
    ),
  boot: bootOrder
    .optional()
    .describe(
      'Devices that the VM boots from, in order; absent: unchanged. A change takes effect at the next start of the VM. The disk root comes last where it is not listed, and entries that name what the VM does not have are skipped.',
    ),
  devices: devices
    .optional()
    .describe(
      'Devices of the node that the VM uses, by resource mapping, instead of those of the class; absent: those of the class, or of the template. The list is complete: other mapped devices are removed. Proxmox VE moves a VM with such devices only while it is off.',
    ),
  userData: userData.optional().describe('Data delivered to the guest at its first boot.'),
  metaData: metaData.optional().describe('Meta-data delivered to the guest in addition to the user data.'),
  networkData: networkData
    .optional()
    .describe('Network configuration delivered to the guest instead of the one derived from networks.'),
  sshKeysSecretRef: secretRef
    .optional()
    .describe(
      `Secret with SSH public keys, one per line, for the default user of the guest. The key defaults to ${DEFAULTS.sshKeysKey}.`,
    ),
  rebootPolicy: rebootPolicy
    .optional()
    .describe(
      'Whether the operator restarts the VM when changes require a restart. Never (also when absent): it only reports them. IfRequired: at once. MaintenanceWindow: within maintenanceWindow. VMs of the same class are restarted one at a time.',
    ),
  maintenanceWindow: maintenanceWindow
    .optional()
    .describe('When the VM may be restarted, with rebootPolicy MaintenanceWindow.'),
  driftPolicy: z
    .enum(['Report', 'Revert'])
    .optional()
    .describe(
      'How settings that were changed in Proxmox VE are handled. Report (also when absent): they are reported in the condition Synced and left as they are. Revert: they are set back to the spec. A change of the spec or the class is always applied, and so is the power state.',
    ),
  ...optionFields,
  ...guestFields,
  placement: z
    .object({
      host: node
        .optional()
        .describe(
          'Node the VM should run on. When it changes, the VM is migrated: live if it runs, offline if it is off. It is never stopped for a migration. Absent: the operator chooses the node of a new VM, and an existing VM stays where it is.',
        ),
      pool: poolName
        .optional()
        .describe(
          'Pool in Proxmox VE that a new VM is added to; absent: that of the Provider, if it has one.',
        ),
    })
    .optional()
    .describe('Where the VM is placed.'),
  placementRef: localRef
    .optional()
    .describe(
      'VMPlacementPolicy in the same namespace, which decides with what else is known where the VM is made; absent: that of the Provider, if it has one. A VM that exists is not moved for it.',
    ),
  lifecycle: z
    .object({
      gracefulShutdownTimeout: duration
        .optional()
        .describe(
          `How long the guest may take to shut down before it is stopped, for example 5m; absent: ${DEFAULTS.gracefulShutdownTimeout / 1000}s.`,
        ),
      postStart: hook
        .optional()
        .describe('Runs after each start by the operator, once the guest agent answers.'),
      preStop: hook
        .optional()
        .describe(
          'Runs before the operator shuts down, stops or deletes the VM, for at most gracefulShutdownTimeout. Its failure does not prevent the operation.',
        ),
      readinessProbe: readinessProbe
        .optional()
        .describe(
          'Runs periodically while the VM runs. The VM is Ready only while it succeeds. Absent: the VM is Ready as soon as it matches its spec.',
        ),
    })
    .optional()
    .describe('What happens when the VM starts and stops.'),
  managementPolicy: z
    .enum(['Full', 'ObserveOnly', 'CreateOnly', 'Paused'])
    .optional()
    .describe(
      'How far the operator manages the VM. Full (also when absent): it keeps the VM as the spec says. ObserveOnly: it only reports and changes nothing in Proxmox VE, not even when this object is deleted. CreateOnly: it creates, configures and starts the VM once, and only reports afterwards; deletionPolicy applies. Paused: it sends no requests for this VM to Proxmox VE.',
    ),
  deletionPolicy: z
    .enum(['Delete', 'Retain', 'Stop'])
    .optional()
    .describe(
      'What happens to the VM when this object is deleted. Delete: it is shut down and destroyed. Retain: it stays in Proxmox VE as it is. Stop: it is shut down and stays. Absent: Delete, and Retain for a VM that was adopted.',
    ),
});

const withSource = rule(spec, {
  cel:
    'has(self.imageRef) || has(self.cloneFrom) || has(self.adopt) || has(self.boot) && has(self.disks)' +
    " && self.disks.exists(disk, disk.name == 'root' && has(disk.size))",
  message:
    'must have imageRef, the VMImage to clone the VM from, cloneFrom, another VM to clone, adopt, an existing VM, or, for a VM without a template, boot and a disk root with a size',
  holds: ({ imageRef, cloneFrom, adopt, boot, disks }) =>
    imageRef !== undefined ||
    cloneFrom !== undefined ||
    adopt !== undefined ||
    (boot !== undefined && disks?.some(({ name, size }) => name === 'root' && size !== undefined) === true),
});

const withOneSource = rule(withSource, {
  cel: '!has(self.cloneFrom) || !has(self.imageRef) && !has(self.adopt)',
  message: 'must have cloneFrom without imageRef and adopt: a VM is made in one way',
  holds: ({ imageRef, cloneFrom, adopt }) =>
    cloneFrom === undefined || (imageRef === undefined && adopt === undefined),
});

export const virtualMachineSpec = rule(withOneSource, {
  cel: '!has(self.vmid) || !has(self.adopt)',
  message: 'must not have both vmid and adopt: an adopted VM keeps its VMID',
  holds: ({ vmid, adopt }) => vmid === undefined || adopt === undefined,
});
