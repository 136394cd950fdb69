/** Steps of a revert that only write status: they need no guest. */
import type { Upid } from '../../../src/lib/units.ts';
import type { RevertStep, Step } from '../model/plan.ts';
import type { Requests } from '../model/requests.ts';
import type { Ending, OpenRevert } from '../model/revert.ts';
import type { TaskLabel } from '../model/tasks.ts';

/** What a step resulted in. */
export type Started =
  | { readonly kind: 'task'; readonly type: TaskLabel; readonly upid: Upid }
  | { readonly kind: 'announced'; readonly name: string; readonly at: string }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'revertOpen'; readonly open: OpenRevert }
  | { readonly kind: 'revertEnded'; readonly requestedAt: string; readonly ending: Ending }
  | { readonly kind: 'revertIgnored'; readonly requestedAt: string };

type Recorded = Exclude<RevertStep, { do: 'rollback' }>;

export const isRecorded = (step: Step): step is Recorded =>
  step.do === 'announceRevert' ||
  step.do === 'recordSent' ||
  step.do === 'followRollback' ||
  step.do === 'endRevert' ||
  step.do === 'ignoreRevert';

interface Recording {
  readonly requests: Requests;
  readonly uid: string;
  readonly now: Date;
}

export function record(step: Recorded, { requests, uid, now }: Recording): Started {
  const at = now.toISOString();
  switch (step.do) {
    case 'announceRevert':
      return { kind: 'revertOpen', open: { requestedAt: step.requestedAt, state: 'Announced', at } };
    case 'recordSent':
      requests.announced(uid, at);
      return { kind: 'revertOpen', open: { requestedAt: step.requestedAt, state: 'Sent', at } };
    case 'followRollback':
      return { kind: 'task', type: 'Revert', upid: step.upid };
    case 'endRevert':
      return { kind: 'revertEnded', requestedAt: step.requestedAt, ending: step.ending };
    case 'ignoreRevert':
      return { kind: 'revertIgnored', requestedAt: step.requestedAt };
    default:
      return step satisfies never;
  }
}
