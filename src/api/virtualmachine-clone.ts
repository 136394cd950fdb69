/** What a virtual machine is a copy of. */
import { z } from 'zod';
import { objectRef } from './refs.ts';
import { rule } from './schema.ts';

const fields = z.object({
  vmRef: objectRef
    .optional()
    .describe(
      'VirtualMachine whose disks are copied as they are at the moment. A running one is copied without its memory, as after a power failure.',
    ),
  snapshotRef: objectRef
    .optional()
    .describe('VMSnapshot whose disks are copied, as they were when it was taken.'),
  linked: z
    .boolean()
    .optional()
    .describe(
      'true or absent: a linked clone where Proxmox VE can make one, else a full one, with the reason in status; false: a full clone.',
    ),
});

export const cloneFrom = rule(fields, {
  cel: 'has(self.vmRef) != has(self.snapshotRef)',
  message: 'must have exactly one of vmRef and snapshotRef',
  holds: ({ vmRef, snapshotRef }) => (vmRef === undefined) !== (snapshotRef === undefined),
});
