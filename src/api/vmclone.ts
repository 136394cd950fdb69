/** A copy of a virtual machine. */
import { z } from 'zod';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { localRef, objectRef } from './refs.ts';
import type { Resource } from './resource.ts';
import { immutableOnce } from './immutable.ts';

const spec = z.object({
  sourceVMRef: objectRef.describe('VirtualMachine to clone. It cannot be changed once the clone exists.'),
  linkedClone: z
    .boolean()
    .optional()
    .describe(
      'true or absent: a linked clone where Proxmox VE can make one, else a full one; false: a full clone.',
    ),
});

const status = z.object({
  targetRef: localRef.optional().describe('VirtualMachine that was created.'),
  ...statusBase,
});

export const VMClone = kind({
  kind: 'VMClone',
  plural: 'vmclones',
  singular: 'vmclone',
  shortNames: [],
  description: 'A copy of a virtual machine; the copy carries the name of the VMClone.',
  spec,
  status,
  rules: [
    immutableOnce({
      once: 'targetRef',
      field: 'sourceVMRef',
      is: 'required',
      message: 'cannot be changed once the clone exists: create another VMClone',
    }),
  ],
  columns: [
    { name: 'Source', type: 'string', jsonPath: '.spec.sourceVMRef.name' },
    { name: 'Linked', type: 'boolean', jsonPath: '.spec.linkedClone' },
    ready,
    age,
    readyMessage,
  ],
});

export type VMCloneSpec = Output<typeof spec>;
export type VMCloneSpecInput = Input<typeof spec>;
export type VMCloneStatus = Output<typeof status>;
export type VMClone = Resource<VMCloneSpec, VMCloneStatus>;
