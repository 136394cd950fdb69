/** A copy of a virtual machine. */
import { z } from 'zod';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { localRef, objectRef, secretRef } from './refs.ts';
import type { Resource } from './resource.ts';
import { immutableOnce } from './immutable.ts';
import { list, listMap, moment, rule, text, vmidNumber } from './schema.ts';
import { network } from './virtualmachine-network.ts';
import { tag } from './virtualmachine-options.ts';
import { powerState } from './virtualmachine-power.ts';
import { metaData, networkData, userData, withDataRules } from './virtualmachine-userdata.ts';

const targetFields = z.object({
  name: objectRef.shape.name
    .optional()
    .describe('Name of the VirtualMachine to create; absent: that of the VMClone.'),
  namespace: objectRef.shape.namespace.describe(
    'Namespace of the VirtualMachine to create; absent: that of the VMClone. Another one must allow it with the annotation virtrigaud.io/allow-from on the Namespace, and the source must allow references from there, too.',
  ),
  classRef: objectRef.optional().describe('VMClass of the copy; absent: that of the source.'),
  placementRef: localRef
    .optional()
    .describe(
      'VMPlacementPolicy in the namespace of the copy; absent: that of the source, if it is the same namespace.',
    ),
  networks: listMap(network, 'name', 32)
    .optional()
    .describe(
      'Network interfaces of the copy; absent: those of the source, with new MAC addresses and without its static addresses.',
    ),
  userData: userData
    .optional()
    .describe('User data of the copy; absent: that of the source, which the guest reads as a new instance.'),
  metaData: metaData
    .optional()
    .describe('Meta-data of the copy; absent: none, as that of the source may contain its instance-id.'),
  networkData: networkData
    .optional()
    .describe(
      'Network configuration of the copy for cloud-init; absent: derived from networks, as that of the source may contain its addresses.',
    ),
  sshKeysSecretRef: secretRef
    .optional()
    .describe('Secret with SSH public keys for the copy, in its namespace; absent: that of the source.'),
  tags: list(tag, 50).optional().describe('Tags of the copy in Proxmox VE; absent: those of the source.'),
  powerState: powerState
    .optional()
    .describe(
      'On (also when absent), Off or OffGraceful: desired power state of the copy. Write it in quotes.',
    ),
});

const target = withDataRules(targetFields);

const fields = z.object({
  sourceVMRef: objectRef
    .optional()
    .describe('VirtualMachine to clone. It cannot be changed once the copy exists.'),
  sourceSnapshotRef: objectRef
    .optional()
    .describe(
      'VMSnapshot to clone, instead of the present state of a VM. It cannot be changed once the copy exists.',
    ),
  linkedClone: z
    .boolean()
    .optional()
    .describe(
      'true or absent: a linked clone where Proxmox VE can make one, else a full one; false: a full clone.',
    ),
  target: target
    .optional()
    .describe(
      'The copy. What is absent here is taken from the source. It is read once, when the copy is created.',
    ),
});

const spec = rule(fields, {
  cel: 'has(self.sourceVMRef) != has(self.sourceSnapshotRef)',
  message: 'must have exactly one of sourceVMRef and sourceSnapshotRef',
  holds: ({ sourceVMRef, sourceSnapshotRef }) =>
    (sourceVMRef === undefined) !== (sourceSnapshotRef === undefined),
});

const status = z.object({
  targetRef: z
    .object({ name: text(253).describe('Name.'), namespace: text(63).describe('Namespace.') })
    .optional()
    .describe('VirtualMachine that is created. It is recorded before.'),
  targetUID: text(64).optional().describe('UID of that VirtualMachine, once it exists.'),
  targetGeneration: z
    .int()
    .min(0)
    .optional()
    .describe(
      'Generation of this object from which that VirtualMachine is created. Later edits have no effect on it.',
    ),
  vmid: vmidNumber.optional().describe('VMID of the copy.'),
  cloneType: z.enum(['Linked', 'Full']).optional().describe('How the copy was made.'),
  cloneTypeReason: text(512)
    .optional()
    .describe('Why it is a full clone although a linked one is preferred, as a clause.'),
  progress: text(128).optional().describe('How far the copy has come.'),
  completionTime: moment.optional().describe('When the copy was first complete.'),
  ...statusBase,
});

const SOURCE = 'cannot be changed once the copy is being made: create another VMClone';

export const VMClone = kind({
  kind: 'VMClone',
  plural: 'vmclones',
  singular: 'vmclone',
  shortNames: [],
  description:
    'A copy of a virtual machine; unless the target has a name, the copy carries that of the VMClone.',
  spec,
  status,
  rules: [
    immutableOnce({ once: 'targetRef', field: 'sourceVMRef', is: 'absent', message: SOURCE }),
    immutableOnce({ once: 'targetRef', field: 'sourceSnapshotRef', is: 'absent', message: SOURCE }),
  ],
  columns: [
    { name: 'Source', type: 'string', jsonPath: '.spec.sourceVMRef.name' },
    { name: 'Target', type: 'string', jsonPath: '.status.targetRef.name' },
    { name: 'Type', type: 'string', jsonPath: '.status.cloneType' },
    { name: 'Snapshot', type: 'string', jsonPath: '.spec.sourceSnapshotRef.name', priority: 1 },
    { name: 'Progress', type: 'string', jsonPath: '.status.progress', priority: 1 },
    ready,
    age,
    readyMessage,
  ],
});

export type VMCloneSpec = Output<typeof spec>;
export type VMCloneTarget = NonNullable<VMCloneSpec['target']>;
export type VMCloneSpecInput = Input<typeof spec>;
export type VMCloneStatus = Output<typeof status>;
export type VMClone = Resource<VMCloneSpec, VMCloneStatus>;
