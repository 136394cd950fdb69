/** A snapshot of one virtual machine. */
import { z } from 'zod';
import { nodeName, upid } from '../lib/units.ts';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { localRef } from './refs.ts';
import type { Resource } from './resource.ts';
import { immutableOnce } from './immutable.ts';
import { duration, list, moment, requestTime, text, vmidNumber } from './schema.ts';

const revert = z.object({
  requestedAt: requestTime.describe(
    'Reverts the VM to the snapshot once. A time acts only if it is later than all before it, later than the snapshot, and not older than 24 hours when it is first seen; otherwise it is recorded and nothing happens.',
  ),
});

/** What a VMSnapshot asks for, also one that a schedule makes. */
export const snapshotOptions = {
  description: text(1024).optional().describe('Text that Proxmox VE shows next to the snapshot.'),
  includeMemory: z
    .boolean()
    .optional()
    .describe('Whether the memory of a running VM belongs to the snapshot; absent: it does not.'),
  deletionPolicy: z
    .enum(['Delete', 'Retain'])
    .optional()
    .describe(
      'What happens to the snapshot in Proxmox VE when the VMSnapshot is deleted; absent: Delete. Retain leaves it there.',
    ),
  failureDeadline: duration
    .optional()
    .describe(
      'How long taking the snapshot is attempted, counted from the creation of the VMSnapshot, for example 10m; absent: without limit.',
    ),
};

const spec = z.object({
  vmRef: localRef.describe(
    'VirtualMachine to take the snapshot of. It cannot be changed once the snapshot has a name in Proxmox VE.',
  ),
  ...snapshotOptions,
  revert: revert.optional().describe('Reverts the VM to the snapshot.'),
});

const task = z.object({
  upid: text(256).transform(upid).describe('Identifier of the task in Proxmox VE.'),
  type: z.enum(['Create', 'Delete', 'Revert']).describe('What the task does.'),
  startedAt: moment.describe('When the task was started.'),
});

const failure = z.object({
  step: z.enum(['Create', 'Delete', 'Revert']).describe('What failed.'),
  message: text(1024).describe('What Proxmox VE said.'),
  attempts: z.int32().min(0).describe('How often it was tried.'),
  at: moment.describe('When it failed last.'),
  generation: z.int().min(0).describe('Generation of the object that failed.'),
});

const requestedRevert = z.object({
  requestedAt: text(40).describe('Time of spec.revert.requestedAt.'),
  state: z
    .enum(['Announced', 'Sent'])
    .describe(
      'Announced: the VirtualMachine is asked to let the VM be. Sent: the request is on its way to Proxmox VE, or the task runs.',
    ),
  at: moment.describe('When it entered the state.'),
});

const lastRevert = z.object({
  requestedAt: text(40).describe('Time of spec.revert.requestedAt.'),
  result: z
    .enum(['Reverted', 'Failed', 'Unknown', 'NotRun'])
    .describe(
      'Reverted: the VM has the state of the snapshot. Failed: Proxmox VE refused or failed. Unknown: the answer was lost or the task failed on its way, and nothing says how far it came. NotRun: the time was recorded only.',
    ),
  message: text(1024).optional().describe('Why it failed or was not run.'),
  at: moment.describe('When the result was recorded.'),
});

/** Written before the first request to Proxmox VE: all that is needed to find the snapshot again. */
const internal = z.object({
  claimedAt: moment.optional().describe('Time at which the name was reserved.'),
  vmUID: text(36).optional().describe('uid of the VirtualMachine.'),
  vmid: vmidNumber.optional().describe('VMID of the VM.'),
  requestedAt: moment.optional().describe('Time at which the request was last sent to Proxmox VE.'),
  cloned: z
    .boolean()
    .optional()
    .describe(
      'Linked clones of it on Ceph were seen, which leave the snapshot protected when they are gone.',
    ),
  revert: requestedRevert.optional().describe('Revert that is in progress.'),
  ignoredReverts: list(text(40), 32)
    .optional()
    .describe(
      'Times of spec.revert.requestedAt that were in the future when they were first seen. They never act.',
    ),
});

const status = z.object({
  readyToUse: z
    .boolean()
    .optional()
    .describe('Whether the snapshot is complete in Proxmox VE and can be reverted to.'),
  snapshotName: text(40)
    .optional()
    .describe('Name of the snapshot in Proxmox VE. It is reserved before the snapshot is taken.'),
  creationTime: moment.optional().describe('When Proxmox VE took the snapshot.'),
  node: text(63).transform(nodeName).optional().describe('Node that the VM was on when it was seen last.'),
  parent: text(40).optional().describe('Name in Proxmox VE of the snapshot that this one is based on.'),
  children: list(text(40), 64)
    .optional()
    .describe('Names in Proxmox VE of the snapshots that are based on this one. At most 64 are listed.'),
  memory: z.boolean().optional().describe('Whether the snapshot has the memory of the VM.'),
  memorySize: text(32)
    .optional()
    .describe('Size of the saved memory as a quantity, where Proxmox VE reports it.'),
  indications: list(z.enum(['Online', 'GuestAgent', 'NoGuestAgent', 'QuiesceFailed']), 4)
    .optional()
    .describe(
      'How the snapshot was taken. Online: of a running VM. GuestAgent: its file systems were frozen. NoGuestAgent: they were not, since no guest agent answered or freezing is switched off. QuiesceFailed: freezing failed, and the snapshot is crash-consistent.',
    ),
  task: task.optional().describe('Task in Proxmox VE that the operator waits for.'),
  failure: failure
    .optional()
    .describe('Last request that failed. It is removed once it has been repeated successfully.'),
  lastRevert: lastRevert.optional().describe('Last requested revert that has ended.'),
  ...statusBase,
  internal: internal
    .optional()
    .describe(
      "The operator's own bookkeeping. Do not rely on it: its fields may change without notice. Do not edit it: the operator acts on it.",
    ),
});

export const VMSnapshot = kind({
  kind: 'VMSnapshot',
  plural: 'vmsnapshots',
  singular: 'vmsnapshot',
  shortNames: ['vmsnap'],
  description: 'A snapshot of one virtual machine, with or without its memory.',
  spec,
  status,
  // If it were absent, a snapshot could be deleted that its user may have asked to keep.
  whenUnreadable: { deletionPolicy: 'Retain' },
  whole: ['vmRef', 'revert'],
  about: 'snapshotName',
  rules: [
    immutableOnce({
      once: 'snapshotName',
      field: 'vmRef',
      is: 'required',
      message: 'cannot be changed once the snapshot has been taken: create another VMSnapshot',
    }),
  ],
  columns: [
    { name: 'VM', type: 'string', jsonPath: '.spec.vmRef.name' },
    ready,
    { name: 'Created', type: 'date', jsonPath: '.status.creationTime' },
    { name: 'Parent', type: 'string', jsonPath: '.status.parent' },
    { name: 'Memory', type: 'boolean', jsonPath: '.status.memory' },
    age,
    readyMessage,
  ],
});

export type VMSnapshotSpec = Output<typeof spec>;
export type VMSnapshotSpecInput = Input<typeof spec>;
export type VMSnapshotStatus = Output<typeof status>;
export type VMSnapshot = Resource<VMSnapshotSpec, VMSnapshotStatus>;
