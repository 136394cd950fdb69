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
  // What was recorded for another request counts as performed: its shutdown may be in progress.
  const before = announced === requestedAt ? recorded : latest(recorded, announced);
  if (requestedAt === undefined || !isLater(requestedAt, before))
    return { open: undefined, recorded: before };
  if (isScheduled(requestedAt, now)) return { open: undefined, recorded: before, scheduled: requestedAt };
  if (announced === requestedAt || now - Date.parse(requestedAt) <= MAX_AGE)
    return { open: requestedAt, recorded: before };
  return { open: undefined, recorded: requestedAt, expired: requestedAt };
}

/** @param now epoch ms */
export const isScheduled = (requestedAt: string | undefined, now: number): boolean =>
  requestedAt !== undefined && Date.parse(requestedAt) > now + SKEW;

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
