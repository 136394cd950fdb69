/** A VMSnapshot that is no longer reconciled. Pure. */
import type { VMSnapshot } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';

export const SNAPSHOT_FINALIZER = 'vmsnapshot.infra.virtrigaud.io/finalizer';

/** Only finalizers of others keep it. What its status says of a task or a revert never changes again. */
export const isReleased = ({
  metadata: { deletionTimestamp, finalizers },
}: Pick<Readable<VMSnapshot>, 'metadata'>): boolean =>
  deletionTimestamp !== undefined && !finalizers.includes(SNAPSHOT_FINALIZER);
