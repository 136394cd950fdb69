/** What happens to a guest when its object is deleted. Pure. */
import { DEFAULTS, type VirtualMachine } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';

export type DeletionPolicy = 'Delete' | 'Retain' | 'Stop';

/** A guest that we did not create is not destroyed, unless the spec says so. */
export const deletionPolicyOf = ({
  spec,
  status,
}: Pick<Readable<VirtualMachine>, 'spec' | 'status'>): DeletionPolicy =>
  spec.deletionPolicy ?? (status?.adopted ? 'Retain' : DEFAULTS.deletionPolicy);
