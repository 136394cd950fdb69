/**
 * A restart requested by the annotation: a time, which takes effect once. It does so only if it is later than every time
 * recorded before and not older than a day when it is first seen. Otherwise it is only recorded, so that
 * re-applying, restoring or reverting a manifest restarts nothing. A time in the future waits until then. Pure.
 */
import { isObserved, type VirtualMachine } from '../../../src/api/index.ts';
import { minutes, seconds } from '../../../src/lib/units.ts';
import type { RestartNote } from '../model/restart.ts';
import { restartSettings } from './resolve.ts';

const MAX_AGE = minutes(24 * 60);
/** The clock that gave the time may be ahead. */
const SKEW = seconds(5);
/** A request that is first seen later than this may be that of a manifest that was put back. */
const NEW_FOR = minutes(5);

export interface RequestInputs {
  /** RFC 3339. */
  readonly requestedAt: string | undefined;
  /** The latest time that was performed or recorded. */
  readonly recorded: string | undefined;
  /** A restart that was recorded and has not ended. */
  readonly note: RestartNote | undefined;
  /** Epoch ms. */
  readonly now: number;
}

export interface JudgedRequest {
  /** The request to perform. */
  readonly open: string | undefined;
  readonly recorded: string | undefined;
  /** A request that is recorded because it is too old. */
  readonly expired?: string;
  /** A request for a time that has not come. */
  readonly scheduled?: string;
}

export function judgeRequest({ requestedAt, recorded, note, now }: RequestInputs): JudgedRequest {
  const announced = note?.cause === 'Requested' ? note.of : undefined;
  const seenAt = note && announced === requestedAt ? note.at : now;
  // What was recorded for another request counts as performed: its shutdown may be in progress.
  const before = announced === requestedAt ? recorded : latest(recorded, announced);
  if (requestedAt === undefined) return { open: undefined, recorded: before };
  if (!isLater(requestedAt, before) && !isHidden(requestedAt, before, seenAt))
    return { open: undefined, recorded: before };
  if (isScheduled(requestedAt, now)) return { open: undefined, recorded: before, scheduled: requestedAt };
  if (announced === requestedAt || now - Date.parse(requestedAt) <= MAX_AGE)
    return { open: requestedAt, recorded: before };
  return { open: undefined, recorded: requestedAt, expired: requestedAt };
}

/** @param now epoch ms */
export const isScheduled = (requestedAt: string | undefined, now: number): boolean =>
  requestedAt !== undefined && Date.parse(requestedAt) > now + SKEW;

/**
 * A time that was recorded and has not come is from a clock that was ahead. Every request would be ignored until then, so
 * another one counts if it was new when it was first seen.
 */
function isHidden(requestedAt: string, recorded: string | undefined, seenAt: number): boolean {
  const [requested, hiding] = [Date.parse(requestedAt), Date.parse(recorded ?? '')];
  return isScheduled(recorded, seenAt) && requested < hiding && requested > seenAt - NEW_FOR;
}

const isLater = (one: string, other: string | undefined): boolean =>
  other === undefined || Number.isNaN(Date.parse(other)) || Date.parse(one) > Date.parse(other);

/** The later one of two times, either of which may be absent. */
export const latest = (one: string | undefined, other: string | undefined): string | undefined =>
  other !== undefined && isLater(other, one) ? other : one;

/** The request of an object that was never observed before is recorded regardless of what the pass observes. */
export function withInitialRequest(vm: VirtualMachine, now: number): VirtualMachine {
  const requestedAt = restartSettings(vm)?.requestedAt;
  if (isObserved(vm.status) || requestedAt === undefined || isScheduled(requestedAt, now)) return vm;
  const restartedAt = latest(vm.status?.internal?.restartedAt, requestedAt);
  return { ...vm, status: { ...vm.status, internal: { ...vm.status?.internal, restartedAt } } };
}
