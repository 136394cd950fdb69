/**
 * A time that is there when an object is seen for the first time: that of a manifest which is applied again, of a restored
 * cluster, or of an object whose status was lost. It is recorded, whatever else the pass finds. Pure.
 */
import {
  isObserved,
  type VirtualMachine,
  type VMSnapshot,
  type VMSnapshotStatus,
} from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';
import { HOW, ignoredAfter, judgeRequest } from './request.ts';

/** @param vm if there is one @param now epoch ms */
export function withInitialRequest(
  snapshot: VMSnapshot,
  vm: Readable<VirtualMachine> | undefined,
  now: number,
): VMSnapshot {
  const { status = {}, spec } = snapshot;
  const requestedAt = spec.revert?.requestedAt;
  const isDealtWith = status.lastRevert !== undefined || (status.internal?.ignoredReverts ?? []).length > 0;
  if (requestedAt === undefined || isObserved(snapshot.status) || isDealtWith) return snapshot;
  return { ...snapshot, status: { ...status, ...recorded(snapshot, requestedAt, { vm, now }) } };
}

function recorded(
  { metadata, status }: VMSnapshot,
  requestedAt: string,
  { vm, now }: { readonly vm: Readable<VirtualMachine> | undefined; readonly now: number },
): Pick<VMSnapshotStatus, 'lastRevert' | 'internal'> {
  const nothing = { last: undefined, ignored: [], takenAt: undefined, knownSince: undefined };
  if (judgeRequest({ ...nothing, requestedAt, now }).kind === 'ignore')
    return { internal: { ...status?.internal, ignoredReverts: ignoredAfter([], requestedAt) } };
  const at = new Date(now).toISOString();
  const { uid, state } = vm?.status?.internal?.revert ?? {};
  // The VM leaves its guest alone for it, so the request may have been sent.
  if (uid === metadata.uid && state === 'Announced')
    return {
      lastRevert: {
        requestedAt,
        result: 'Unknown',
        at,
        message: 'The status of this object was lost meanwhile.',
      },
    };
  return {
    lastRevert: {
      requestedAt,
      result: 'NotRun',
      at,
      message: `The time was there when the operator saw the object for the first time, as in a manifest that is applied again or a cluster that was restored, so it was only recorded. ${HOW}`,
    },
  };
}
