/** Snapshots on Ceph that were cloned. Pure. */
import type { Observed } from '../../model/observed.ts';

/** The last linked clone leaves the protection behind, and QEMU deletes no protected snapshot (block/rbd.c). */
export const protectionHint = (
  failure: Pick<NonNullable<Observed['failure']>, 'message'> | undefined,
  vmid: number,
  name: string,
): string | undefined =>
  failure?.message.includes('Device or resource busy') === true
    ? `If it was cloned, Ceph protects it still: take that back on a node, for each disk of the VM on Ceph, with rbd snap unprotect POOL/IMAGE@${name}, and then remove the lock: qm unlock ${vmid}`
    : undefined;
