/** A copy of a virtual machine. */
import { z } from 'zod';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { objectRef } from './refs.ts';
import type { Resource } from './resource.ts';
import { immutable } from './schema.ts';

const spec = z.object({
  sourceVMRef: immutable(
    objectRef,
    'cannot be changed: a clone has one source; create another VMClone',
  ).describe('VirtualMachine to copy.'),
  linkedClone: z
    .boolean()
    .optional()
    .describe(
      'true or absent: a linked clone where Proxmox VE can make one, else a full one; false: a full clone.',
    ),
});

const status = z.object(statusBase);

export const VMClone = kind({
  kind: 'VMClone',
  plural: 'vmclones',
  singular: 'vmclone',
  shortNames: [],
  description: 'A copy of a virtual machine; the copy carries the name of the VMClone.',
  spec,
  status,
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
