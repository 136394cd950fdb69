/**
 * A restart that the annotation requests: a time, which acts once. It acts only if it is later than every time
 * recorded before and not older than a day when it is first seen. Otherwise it is recorded and not run, so that
 * re-applying, restoring or reverting a manifest restarts nothing. Pure.
 */
import { isObserved, type VirtualMachine, type VirtualMachineStatus } from '../../../src/api/index.ts';
import { minutes } from '../../../src/lib/units.ts';
import type { RestartNote } from '../model/restart.ts';
import { restartSettings } from './resolve.ts';

const MAX_AGE = minutes(24 * 60);

export interface RequestInputs {
  /** RFC 3339. */
  readonly requestedAt: string | undefined;
  /** The latest time that was carried out or recorded. */
  readonly recorded: string | undefined;
  /** A restart that was announced and is not over. */
  readonly note: RestartNote | undefined;
  /** Epoch ms. */
  readonly now: number;
}

export interface JudgedRequest {
  /** The request that is to be carried out. */
  readonly open: string | undefined;
  readonly recorded: string | undefined;
  /** A request that is recorded because it is too old. */
  readonly expired?: string;
}

export function judgeRequest({ requestedAt, recorded, note, now }: RequestInputs): JudgedRequest {
  const announced = note?.cause === 'Requested' ? note.of : undefined;
  // What was announced for another request counts as carried out: its shutdown may be under way.
  const before = announced === requestedAt ? recorded : latest(recorded, announced);
  if (requestedAt === undefined || !isLater(requestedAt, before))
    return { open: undefined, recorded: before };
  if (announced === requestedAt || now - Date.parse(requestedAt) <= MAX_AGE)
    return { open: requestedAt, recorded: before };
  return { open: undefined, recorded: requestedAt, expired: requestedAt };
}

const isLater = (one: string, other: string | undefined): boolean =>
  other === undefined || Number.isNaN(Date.parse(other)) || Date.parse(one) > Date.parse(other);

/** The later one of two times, either of which may be absent. */
export const latest = (one: string | undefined, other: string | undefined): string | undefined =>
  other !== undefined && isLater(other, one) ? other : one;

/** The status with the request of an object that was never observed before: it is recorded, whatever the pass finds. */
export function withInitialRequest(vm: VirtualMachine): VirtualMachineStatus {
  const before = vm.status ?? {};
  const restartedAt = latest(before.internal?.restartedAt, restartSettings(vm)?.requestedAt);
  return isObserved(vm.status) || restartedAt === undefined
    ? before
    : { ...before, internal: { ...before.internal, restartedAt } };
}
