/**
 * Pending changes that the spec asked for and no longer does: they are reverted, so that the next start of the guest does
 * not bring them. What others left pending stays. Pure.
 */
import { parseDisk } from '../../../src/pve/index.ts';
import type { Guest, PendingChange } from '../../shared/guests/model.ts';

const DRIVE = /^(scsi|virtio|sata|ide|efidisk|tpmstate)\d+$/;

/** A disk that is to be attached or detached is the matter of its own steps: to revert that would leave its volume unused. */
const isRevertible = ({ key, current, pending }: PendingChange): boolean =>
  !DRIVE.test(key) ||
  (current !== undefined && pending !== undefined && parseDisk(current).volume === parseDisk(pending).volume);

/** The changes of ours that are still pending, as they were requested. */
export const stillRequested = (
  { pending }: Pick<Guest, 'pending'>,
  requested: readonly PendingChange[],
): readonly PendingChange[] =>
  pending.filter((row) => requested.some((ours) => ours.key === row.key && ours.pending === row.pending));

/** @param awaited the keys that the spec asks for now */
export const obsoleteKeys = (
  guest: Pick<Guest, 'pending'>,
  requested: readonly PendingChange[],
  awaited: readonly string[],
): readonly string[] =>
  stillRequested(guest, requested)
    .filter((row) => !awaited.includes(row.key) && isRevertible(row))
    .map(({ key }) => key);
