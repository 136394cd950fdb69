/** A snapshot of one virtual machine. */
import { z } from 'zod';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { localRef } from './refs.ts';
import type { Resource } from './resource.ts';
import { immutableOnce } from './immutable.ts';
import { text } from './schema.ts';

const spec = z.object({
  vmRef: localRef.describe(
    'VirtualMachine to take the snapshot of. It cannot be changed once the snapshot has a name in Proxmox VE.',
  ),
  description: text(1024).optional().describe('Text that Proxmox VE shows next to the snapshot.'),
  includeMemory: z
    .boolean()
    .optional()
    .describe('Whether the memory of a running VM belongs to the snapshot; absent: it does not.'),
});

const status = z.object({
  snapshotName: text(40).optional().describe('Name of the snapshot in Proxmox VE.'),
  ...statusBase,
});

export const VMSnapshot = kind({
  kind: 'VMSnapshot',
  plural: 'vmsnapshots',
  singular: 'vmsnapshot',
  shortNames: ['vmsnap'],
  description: 'A snapshot of one virtual machine, with or without its memory.',
  spec,
  status,
  rules: [
    immutableOnce({
      once: 'snapshotName',
      field: 'vmRef',
      is: 'required',
      message: 'cannot be changed once the snapshot has been taken: create another VMSnapshot',
    }),
  ],
  columns: [{ name: 'VM', type: 'string', jsonPath: '.spec.vmRef.name' }, ready, age, readyMessage],
});

export type VMSnapshotSpec = Output<typeof spec>;
export type VMSnapshotSpecInput = Input<typeof spec>;
export type VMSnapshotStatus = Output<typeof status>;
export type VMSnapshot = Resource<VMSnapshotSpec, VMSnapshotStatus>;
