/** Whether an announced restart may still be in flight: the only file that computes this slice of the process state. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { RestartDoubt } from '../model/process-state.ts';
import type { Restart, RestartNote } from '../model/restart.ts';

/** For this long after a request without an answer PVE may still be executing it. */
const OUTCOME_UNKNOWN_MS = 60_000;

/** The restart that status announces. */
export function noteOf({ status }: VirtualMachine): RestartNote | undefined {
  const { cause, of, at, stopped = false } = status?.internal?.restart ?? {};
  return cause && of !== undefined && at !== undefined
    ? { cause, of, at: Date.parse(at), stopped }
    : undefined;
}

/** A shutdown that got no answer, or that an earlier process may have sent, may stop a guest that was started since. */
export function doubtAbout(before: RestartDoubt, note: RestartNote | undefined, now: number): RestartDoubt {
  const isOfOthers = note !== undefined && !note.stopped && before.announced !== note.of;
  const doubt: RestartDoubt = isOfOthers ? { ...before, announced: note.of, shutdown: 'unanswered' } : before;
  return doubt.shutdown === 'unanswered' ? { ...doubt, shutdownSince: doubt.shutdownSince ?? now } : doubt;
}

export const isInDoubt = ({ shutdown, shutdownSince }: RestartDoubt, now: number): boolean =>
  shutdown === 'unanswered' && shutdownSince !== undefined && now - shutdownSince < OUTCOME_UNKNOWN_MS;

/** What is recorded in this pass was sent by this process, with any result; there is no doubt about a stopped guest. */
export const afterJudgement = (before: RestartDoubt, { note }: Restart, isOff: boolean): RestartDoubt => ({
  ...before,
  ...(note && { announced: note.of }),
  ...(isOff && { shutdown: undefined, shutdownSince: undefined }),
});

/** Until there is an answer the request may arrive late, and stop a guest that was started again since. */
export const shutdownSent = (before: RestartDoubt): RestartDoubt => ({
  ...before,
  shutdown: 'unanswered',
  shutdownSince: undefined,
});

export const shutdownAnswered = (before: RestartDoubt): RestartDoubt => ({ ...before, shutdown: undefined });

/** When to check again whether a restart is due. */
export const nextCheck = (before: RestartDoubt, restart: Restart | undefined): RestartDoubt => ({
  ...before,
  dueAt: restart?.againAt,
});
