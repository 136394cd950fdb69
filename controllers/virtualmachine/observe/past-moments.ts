/**
 * Times in status were written by a process whose clock may have been ahead. Whoever waits from such a time on would wait
 * for years, so a time that has not come counts as now, and the next report records it so. Pure.
 */
import type { VirtualMachine, VirtualMachineStatus } from '../../../src/api/index.ts';
import { seconds } from '../../../src/lib/units.ts';

/** Clocks that are kept in step differ by less. */
const SKEW = seconds(5);

/** @param now epoch ms */
export function withPastMoments(vm: VirtualMachine, now: number): VirtualMachine {
  const { status } = vm;
  const isPast = (moment: string): boolean => Date.parse(moment) <= now + SKEW;
  if (!status || momentsIn(status).every(isPast)) return vm;
  const past = (moment: string): string => (isPast(moment) ? moment : new Date(now).toISOString());
  const { task, failure, hook, internal } = status;
  return {
    ...vm,
    status: {
      ...status,
      ...(task && { task: { ...task, startedAt: past(task.startedAt) } }),
      ...(failure && { failure: { ...failure, at: past(failure.at) } }),
      ...(hook && { hook: { ...hook, since: past(hook.since) } }),
      ...(internal && { internal: pastInternal(internal, past) }),
    },
  };
}

type Internal = NonNullable<VirtualMachineStatus['internal']>;

/** Those from which on something is waited for. The times of requested restarts are no times of a process. */
const momentsIn = ({ task, failure, hook, internal }: VirtualMachineStatus): readonly string[] =>
  [task?.startedAt, failure?.at, hook?.since, internal?.claimedAt, internal?.cloudInit?.deliveredAt].filter(
    (moment) => moment !== undefined,
  );

function pastInternal(internal: Internal, past: (moment: string) => string): Internal {
  const { claimedAt, cloudInit } = internal;
  return {
    ...internal,
    ...(claimedAt !== undefined && { claimedAt: past(claimedAt) }),
    ...(cloudInit?.deliveredAt !== undefined && {
      cloudInit: { ...cloudInit, deliveredAt: past(cloudInit.deliveredAt) },
    }),
  };
}
