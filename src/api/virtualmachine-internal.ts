/** What the operator remembers of a virtual machine from one pass to the next. */
import { z } from 'zod';
import { nodeName } from '../lib/units.ts';
import { list, moment, text } from './schema.ts';

const digest = text(64);

const deliveredDigests = z.object({
  userData: digest.describe('Digest of the user data.'),
  sshKeys: digest.describe('Digest of the SSH keys.'),
  metaData: digest.describe('Digest of the meta-data.'),
  networkData: digest.describe('Digest of the network data.'),
});

const cloudInit = z.object({
  mode: z
    .enum(['None', 'Native', 'Image'])
    .describe(
      'How the guest gets its data. None: it gets none. Native: from a drive that Proxmox VE makes. Image: from an image that the operator makes.',
    ),
  device: text(16)
    .optional()
    .describe('Device of the drive with the data, for example ide2. Later data goes to the same device.'),
  volume: text(255).optional().describe('Volume of the image that the operator made.'),
  node: text(63)
    .transform(nodeName)
    .optional()
    .describe('Node the image was uploaded to. It matters where the storage is not shared.'),
  deliveredDigests: deliveredDigests
    .optional()
    .describe('Digests of the data delivered to the guest, made with a key that only the operator has.'),
  instanceRevision: z
    .int32()
    .min(0)
    .optional()
    .describe('Number of times that changed data was delivered under a new instance-id.'),
  deliveredAt: moment.optional().describe('Time at which changed data was last delivered.'),
  consumed: z
    .boolean()
    .optional()
    .describe('Whether the guest has read the image, so that it can be deleted.'),
  keptBy: text(40)
    .optional()
    .describe(
      'Name, in Proxmox VE, of a snapshot whose configuration contains the image. The image stays as long as there is one, because the VM could not be started after a revert without it.',
    ),
});

const drive = z.object({
  device: text(16).describe('Device of the drive.'),
  volume: text(255).describe('Volume of the drive.'),
  displaced: z
    .boolean()
    .optional()
    .describe('Whether another medium was put over the volume, which is then in no drive of the guest.'),
});

const optionNames = list(text(32), 64);

const template = z.object({
  kept: optionNames
    .optional()
    .describe('Options of the cloud-init drive that the guest has from its template.'),
  dropped: optionNames.optional().describe('Options of the template that the guest could not keep.'),
});

const restart = z.object({
  cause: z
    .enum(['Requested', 'PendingChanges'])
    .describe('Requested: the annotation asked for it. PendingChanges: spec.rebootPolicy allows it.'),
  of: text(64).describe('The requested time, or a digest of the changes.'),
  at: moment.describe('Time at which the restart was recorded.'),
  stopped: z.boolean().optional().describe('Whether the VM was seen powered off since.'),
});

const network = z.object({
  name: text(63).describe('Name of the interface in the spec.'),
  device: text(16).describe('Device in Proxmox VE, for example net0.'),
  settings: list(text(16), 8)
    .optional()
    .describe('Optional settings that the operator sets, by their names in Proxmox VE.'),
});

const appliedPart = z.object({
  part: text(80).describe(
    'Name of the part, for example settings, network lan, disk data or options of disk data.',
  ),
  digest: text(64).describe('Digest of the part as it was applied.'),
});

const revertOf = {
  snapshot: text(253).describe('Name of the VMSnapshot.'),
  uid: text(36).describe('uid of the VMSnapshot.'),
  requestedAt: text(40).describe('Time of its spec.revert.requestedAt.'),
  generation: z.int().min(0).describe('Generation of this object when the revert was announced.'),
  uncertain: z.boolean().optional().describe('Whether it is unknown if the VM was reverted.'),
};

const revert = z.object({
  ...revertOf,
  previous: z
    .object(revertOf)
    .optional()
    .describe('The revert before, whose state the VM keeps if this one does not happen.'),
  state: z
    .enum(['Announced', 'Restored', 'Applied'])
    .describe(
      'Announced: the VM is left alone until the revert has ended. Restored: the VM keeps the restored state. Applied: the spec counts again.',
    ),
});

export const virtualMachineInternal = z.object({
  claimedAt: moment.optional().describe('Time at which the VMID was reserved.'),
  provider: z
    .object({
      uid: text(64).describe('uid of the Provider.'),
      clusterID: text(256).describe('Identity of its Proxmox VE cluster.'),
    })
    .optional()
    .describe(
      'Provider that the VMID belongs to. A Provider of the same name that was created later is used only if it leads to the same cluster.',
    ),
  released: z
    .boolean()
    .optional()
    .describe(
      'Whether the VMID was released because the object is being deleted. No guest is looked for again.',
    ),
  preserved: z
    .boolean()
    .optional()
    .describe(
      'Whether the Provider did not grant the deletion of the VM in Proxmox VE. It is not destroyed after the grant was withdrawn either.',
    ),
  recovered: z
    .boolean()
    .optional()
    .describe(
      'Whether the VM was found again after the status was lost. Whatever differs from the spec then counts as changed in Proxmox VE.',
    ),
  uuid: text(36)
    .optional()
    .describe('SMBIOS UUID of the guest. It is the uid of this object once the guest has been configured.'),
  applied: list(appliedPart, 192)
    .optional()
    .describe(
      'Parts of the spec and the class that were applied, each with its digest. While a part stays the same, every difference in it was made in Proxmox VE.',
    ),
  appliedDigest: text(64)
    .optional()
    .describe(
      'Digest of all settings, as an earlier version of the operator recorded it. It is replaced by applied.',
    ),
  cloudInit: cloudInit.optional().describe('Cloud-init data delivered to the guest.'),
  networks: list(network, 32)
    .optional()
    .describe(
      'Network interfaces and settings of the operator, recorded before they are written. They are removed in Proxmox VE when they are removed from the spec.',
    ),
  originalNics: list(text(16), 32)
    .optional()
    .describe(
      'Network interfaces that the VM was created with. They are removed if spec.networks does not list them.',
    ),
  drive: drive
    .optional()
    .describe('Cloud-init drive that Proxmox VE made. Its volume is destroyed with the guest.'),
  template: template.optional().describe('What the guest has from its template.'),
  tags: list(text(64), 100).optional().describe('Tags in Proxmox VE that the operator set.'),
  requestedChanges: list(text(64), 64)
    .optional()
    .describe(
      'Settings in pendingChanges that the spec asks for, or asked for. They are reverted when the spec no longer asks for them, or when the VM is released without being destroyed.',
    ),
  templateNode: text(63)
    .transform(nodeName)
    .optional()
    .describe(
      'Node that was chosen for the VM and has no template of its VMImage yet, which is awaited there.',
    ),
  host: text(63)
    .transform(nodeName)
    .optional()
    .describe(
      'Node of spec.placement.host, recorded once the VM was on it. A VM found elsewhere later was moved in Proxmox VE.',
    ),
  restart: restart.optional().describe('Restart in progress.'),
  revert: revert.optional().describe('Last revert to a snapshot.'),
  restartedAt: text(40)
    .optional()
    .describe('Latest time of the annotation virtrigaud.io/restartedAt that was carried out or recorded.'),
});
